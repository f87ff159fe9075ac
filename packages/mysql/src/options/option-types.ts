/** Checks options at run time, too: types do not catch every misspelt name, and its limit would not apply. */
import { UsageError } from '@leasehold/core'

type TypeName = 'boolean' | 'number' | 'object' | 'string'

/** Expected type of each option; `checked` for options that have a check of their own. */
export type OptionTypes<O extends object> = { readonly [Name in keyof O]-?: TypeName | 'checked' }

/**
 * Checks names and types of `options`; `where` is the prefix of the message. No message shows a value, which may be a
 * password.
 *
 * @throws {UsageError} when an option is unknown or has another type.
 */
export function assertTypes<O extends object>(where: string, options: O, types: OptionTypes<O>): void {
  if (typeName(options) !== 'object') {
    const name = where === '' ? 'mysqlDriver' : where.replace(/\.$/, '')
    throw new UsageError(`${name}: expected an object of options, got ${typeName(options)}`)
  }
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const expected = Object.hasOwn(types, name) ? types[name as keyof O] : undefined
    if (expected === undefined) {
      throw new UsageError(`${where}${name}: unknown option; known options: ${Object.keys(types).join(', ')}`)
    }
    if (value === undefined || expected === 'checked' || typeName(value) === expected) continue
    throw new UsageError(`${where}${name}: expected a value of type ${expected}, got ${typeName(value)}`)
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
