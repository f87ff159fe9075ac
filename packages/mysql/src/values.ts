/** Rows on their way out: integers beyond 2^53 - 1, which a number can't hold, are never rounded. */
import { ResultError } from '@leasehold/core'
import type { Field } from './pipeline.ts'

/**
 * How BIGINT columns arrive. `number`: as numbers, and a value that a number can't hold is a `ResultError`;
 * `bigint` and `string`: all of them as such.
 */
export type Bigints = 'number' | 'bigint' | 'string'

/** MYSQL_TYPE_LONGLONG (MySQL Source Documentation, "field_types.h"). */
const LONGLONG = 8

/** mysql2's options for it: with `number` only what is too large comes as a string. */
export function bigintOptions(bigints: Bigints): { supportBigNumbers: true; bigNumberStrings: boolean } {
  return { supportBigNumbers: true, bigNumberStrings: bigints !== 'number' }
}

/** The rows with their BIGINT values as asked for, changed in place. */
export function withBigints(
  rows: readonly Record<string, unknown>[],
  fields: readonly Field[],
  bigints: Bigints,
  label: string | undefined,
): readonly Record<string, unknown>[] {
  if (bigints === 'string') return rows
  for (const { name, columnType } of fields) {
    if (columnType !== LONGLONG) continue
    for (const row of rows) {
      const value = row[name]
      if (typeof value !== 'string') continue
      if (bigints === 'number') throw tooLarge(name, value, label)
      row[name] = BigInt(value)
    }
  }
  return rows
}

function tooLarge(column: string, value: string, label: string | undefined): ResultError {
  return new ResultError(
    label,
    `a number in column ${column}`,
    `${value}, which a number can't hold: set the driver's option bigints to 'bigint' or 'string'`,
  )
}
