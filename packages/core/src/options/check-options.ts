/** Checks options at run time: types see neither a misspelt name in an object from elsewhere, nor values from JavaScript. */
import { inspect } from 'node:util'
import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'

/** The type of an option, the values it may have, or a function that throws a `UsageError` for any other value. */
type OptionCheck =
  | 'array'
  | 'boolean'
  | 'function'
  | 'string'
  | readonly string[]
  | ((name: string, value: never) => unknown)

/** The check of each option. */
export type OptionChecks<Name extends string = string> = Readonly<Record<Name, OptionCheck>>

/** For options that are checked elsewhere. */
export const checkedElsewhere = (): void => {}

/**
 * Checks names and values; an option that is `undefined` counts as absent.
 *
 * @throws {UsageError} when `options` is no object, or an option is unknown or invalid; `where` is the prefix of the message.
 */
export function assertOptions(where: string, options: unknown, checks: OptionChecks): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new UsageError(`${where}: expected an object of options, got ${shown(options)}`)
  }
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) {
      const known = Object.keys(checks).join(', ')
      throw new UsageError(`${where}: unknown option ${abridged(name)}; known options: ${known}`)
    }
    if (value === undefined) continue
    if (typeof check === 'function') check(name, value as never)
    else if (!isOf(check, value)) {
      throw new UsageError(`${where}: expected ${name} to be ${expectedBy(check)}, got ${shown(value)}`)
    }
  }
}

/**
 * Checks an argument that must be a function.
 *
 * @throws {UsageError} for any other value; `where` is the prefix of the message, and `example` a right call.
 */
export function assertFunction(where: string, value: unknown, example: string): void {
  if (typeof value === 'function') return
  throw new UsageError(`${where}: expected a function, as in ${example}, got ${shown(value)}`)
}

function isOf(check: Exclude<OptionCheck, (...args: never[]) => unknown>, value: unknown): boolean {
  if (typeof check !== 'string') return check.includes(value as string)
  return check === 'array' ? Array.isArray(value) : typeof value === check
}

function expectedBy(check: string | readonly string[]): string {
  if (typeof check !== 'string') return `one of '${check.join("', '")}'`
  return check === 'array' ? 'an array' : `a ${check}`
}

/** A value in messages: its type, or itself if it is short and simple. */
function shown(value: unknown): string {
  if (value === null || ['boolean', 'number', 'bigint', 'undefined'].includes(typeof value))
    return String(value)
  if (typeof value === 'string') return abridged(inspect(value))
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
