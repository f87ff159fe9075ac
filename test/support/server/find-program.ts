import { installMariadb } from './install-mariadb.ts'
import { findExecutable, identify, type ServerProgram } from './program.ts'
import type { ServerKind } from './test-server.ts'
import { unpackMysql } from './unpack-mysql.ts'

/** Older series of MySQL have left support. */
const oldestMysql = [8, 4] as const

export async function findProgram(
  kind: ServerKind | undefined,
  log: (line: string) => void,
): Promise<ServerProgram> {
  const found = (await installedPrograms()).find((program) => kind === undefined || program.kind === kind)
  if (found !== undefined) return found
  if (kind === 'mysql') return unpackMysql(log)

  await installMariadb(log)
  const installed = (await installedPrograms()).find((program) => program.kind === 'mariadb')
  if (installed === undefined)
    throw new Error('mariadb-server-core was installed, but has no mariadbd on the PATH')
  return installed
}

async function installedPrograms(): Promise<ServerProgram[]> {
  const executables = ['mariadbd', 'mysqld'].map(findExecutable).filter((path) => path !== undefined)
  const programs = await Promise.all(executables.map((path) => identify([path])))
  return programs.filter(isSupported)
}

function isSupported({ kind, version }: ServerProgram): boolean {
  if (kind === 'mariadb') return true
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > oldestMysql[0] || (major === oldestMysql[0] && minor >= oldestMysql[1])
}
