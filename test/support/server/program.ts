import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.ts'
import type { ServerKind } from './test-server.ts'

/** A server program that is ready to be started. */
export interface ServerProgram {
  readonly kind: ServerKind
  readonly version: string
  /** The executable, after whatever has to load it. */
  readonly command: readonly [string, ...string[]]
  /** Where its share folder is, when the program cannot know by itself. */
  readonly baseFolder?: string
}

export async function identify(
  command: ServerProgram['command'],
  baseFolder?: string,
): Promise<ServerProgram> {
  const [file, ...prefix] = command
  const output = await run(file, [...prefix, '--no-defaults', '--version'])
  const [, number, flavour = ''] = /Ver (\d+\.\d+\.\d+)(-MariaDB)?/.exec(output) ?? []
  if (number === undefined) {
    throw new Error(`${file} --version: expected "Ver <number>", got ${JSON.stringify(output.trim())}`)
  }
  return {
    kind: flavour === '' ? 'mysql' : 'mariadb',
    version: number + flavour,
    command,
    ...(baseFolder !== undefined && { baseFolder }),
  }
}

export function findExecutable(name: string): string | undefined {
  // Servers live in sbin, which an ordinary user's PATH leaves out.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
