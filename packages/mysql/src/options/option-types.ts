/** Options are checked at run time as well: a misspelt one would be passed over, and so would the limit that it sets. */
import { UsageError } from '@leasehold/core'

type TypeName = 'boolean' | 'number' | 'object' | 'string'

/** What each option is; `checked` where that takes more than the name of a type. */
export type OptionTypes<O extends object> = { readonly [Name in keyof O]-?: TypeName | 'checked' }

/** Throws a `UsageError` for an option that there is none of, or of another type; no message shows a value. */
export function assertTypes<O extends object>(where: string, options: O, types: OptionTypes<O>): void {
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const expected = Object.hasOwn(types, name) ? types[name as keyof O] : undefined
    if (expected === undefined) {
      throw new UsageError(
        `${where}${name}: there is no such option; there are ${Object.keys(types).join(', ')}`,
      )
    }
    if (value === undefined || expected === 'checked' || typeName(value) === expected) continue
    throw new UsageError(`${where}${name}: expected a value of type ${expected}, got ${typeName(value)}`)
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
