import { parseArgs } from 'node:util'
import { chooseSeed } from '@leasehold/test-support/seed'
import type { ServerKind } from '@leasehold/test-support/server'

export interface Options {
  readonly minutes: number
  readonly kind: ServerKind
  readonly seed: number
  readonly reportFile: string | undefined
}

/** The message is for the person at the keyboard. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'
}

const usage = 'npm run soak -- [--minutes N] [--server mariadb|mysql] [--seed N] [--report FILE]'

export function parseOptions(args: readonly string[]): Options {
  const { minutes = '1', server = 'mariadb', seed, report } = split(args)
  return { minutes: positive(minutes), kind: serverKind(server), seed: seedOf(seed), reportFile: report }
}

const string = { type: 'string' } as const

function split(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { minutes: string, server: string, seed: string, report: string },
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

function serverKind(text: string): ServerKind {
  if (text === 'mariadb' || text === 'mysql') return text
  throw new OptionsError(`--server: expected mariadb or mysql, got "${text}"`)
}
