import { parseArgs } from 'node:util'
import { chooseSeed } from '@leasehold/test-support/seed'
import type { ServerKind } from '@leasehold/test-support/server'

export type Mode = 'calm' | 'hostile'

export interface Options {
  readonly minutes: number
  readonly kind: ServerKind
  readonly seed: number
  /** Both unless given. */
  readonly mode: Mode | undefined
}

/** The message is for the person at the keyboard. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'
}

const USAGE =
  'npm run adversary -- [--minutes N] [--server mariadb|mysql] [--seed N] [--mode calm|hostile]\n' +
  'The first round has the seed, the next one the number behind it, and so on.'

export function parseOptions(args: readonly string[], usage = USAGE): Options {
  const { minutes = '1', server = 'mariadb', seed, mode } = split(args, usage)
  return {
    minutes: positive(minutes),
    kind: oneOf<ServerKind>('server', server, ['mariadb', 'mysql']),
    seed: seedOf(seed),
    mode: mode === undefined ? undefined : oneOf<Mode>('mode', mode, ['calm', 'hostile']),
  }
}

const string = { type: 'string' } as const

function split(args: readonly string[], usage: string) {
  try {
    return parseArgs({
      args: [...args],
      options: { minutes: string, server: string, seed: string, mode: string },
    }).values
  } catch (error) {
    throw new OptionsError(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`)
  }
}

function positive(text: string): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (number > 0) return number
  throw new OptionsError(`--minutes: expected a number above 0, got "${text}"`)
}

function seedOf(text: string | undefined): number {
  try {
    return chooseSeed(text)
  } catch (error) {
    throw new OptionsError(`--seed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function oneOf<const T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((value) => value === text)
  if (found !== undefined) return found
  throw new OptionsError(`--${name}: expected ${known.join(' or ')}, got "${text}"`)
}
