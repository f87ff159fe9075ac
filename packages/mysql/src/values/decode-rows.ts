/** Decodes rows: each value is exactly that of the server, or a `ResultError`, never an approximation. */
import { ResultError, type ResultPlace } from '@leasehold/core'
import { bigintOptions, type Bigints, readBigint } from './bigints.ts'
import { type Datetimes, readDatetime } from './datetimes.ts'
import { readJson } from './json.ts'
import type { Rows } from '../protocol/reply-readers.ts'
import type { Field } from '../protocol/mysql2-commands.ts'

export interface ValueSettings {
  readonly bigints: Bigints
  readonly datetimes: Datetimes
}

/** mysql2's options, by which it passes on as text all values that it would round, truncate or fail on. */
export function valueOptions({ bigints }: ValueSettings): ReturnType<typeof bigintOptions> & {
  readonly dateStrings: true
  readonly jsonStrings: true
} {
  return { ...bigintOptions(bigints), dateStrings: true, jsonStrings: true }
}

/**
 * Converts the values of `rows` by `settings`, in place, and returns `rows`.
 *
 * @throws {ResultError} when a value does not fit its JavaScript type.
 */
export function decodeRows(
  rows: readonly Record<string, unknown>[],
  { fields, binary }: Omit<Rows, 'rows'>,
  settings: ValueSettings,
  place: ResultPlace,
): readonly Record<string, unknown>[] {
  try {
    for (const field of fields) {
      const read = readerOf(field, settings, binary)
      if (read === undefined || isHidden(field, fields)) continue
      const { name } = field
      const refuse: Refuse = (expected, actual, shown) => {
        throw new ResultError(place, `${expected} in column ${name}`, actual, { shown })
      }
      for (const row of rows) {
        const value = row[name]
        if (value === null) continue
        const exact = read(value, refuse)
        if (exact !== value) row[name] = exact
      }
    }
    return rows
  } catch (error) {
    throw error instanceof ResultError ? error : notRead(error, place)
  }
}

/** The error for a failure of mysql2 or a decoder. The message of `error` may show a value, so it is in `actual` only. */
export function notRead(error: unknown, place: ResultPlace): ResultError {
  const shown = error instanceof Error ? `a failure to read them (${error.name})` : 'a failure to read them'
  return new ResultError(place, 'readable rows', `${shown}: ${String(error)}`, {
    cause: error,
    shown,
  })
}

/** `shown` replaces `actual`, which holds the value, in the message. */
type Refuse = (expected: string, actual: string, shown: string) => never

/** Converts a value from mysql2, other than NULL. */
type Reader = (value: unknown, refuse: Refuse) => unknown

/** Types of columns (MySQL Source Documentation, "field_types.h"). */
const FLOAT = 4
const DOUBLE = 5
const TIMESTAMP = 7
const LONGLONG = 8
const TIME = 11
const DATETIME = 12
const VECTOR = 242
const JSON = 245

/** Flag of a column (MySQL Source Documentation, "Column Definition Flags"). */
const ZEROFILL = 0x40

/** `undefined` for columns whose values from mysql2 need no conversion, which are most. */
function readerOf(field: Field, { bigints, datetimes }: ValueSettings, binary: boolean): Reader | undefined {
  const { type, decimals, extendedFormat, flags } = field
  // MariaDB's JSON is a LONGTEXT with an extended type.
  if (extendedFormat === 'json') return (text, refuse) => readJson(text as string, bigints, refuse)
  switch (type) {
    case LONGLONG:
      if (bigints === 'string' && (flags & ZEROFILL) === 0) return undefined
      return (value, refuse) => readBigint(value as number | string, bigints, refuse)
    case FLOAT:
    case DOUBLE:
      return binary ? (value) => asWritten(value as number, field) : Number
    case TIMESTAMP:
    case DATETIME:
      if (datetimes === 'date') return (text, refuse) => readDatetime(text as string, refuse)
      return binary ? (text) => withFraction(text as string, decimals) : undefined
    case TIME:
      return binary ? (text) => withFraction(text as string, decimals) : undefined
    case JSON:
      return (text, refuse) => readJson(text as string, bigints, refuse)
    case VECTOR:
      return nullIfEmpty
    default:
      return undefined
  }
}

/** `decimals` of a column without a fixed number of them. */
const NOT_FIXED = 31
/** Significant digits of a FLOAT in the text protocol. */
const FLOAT_DIGITS = 6

/** The number that the text protocol would give. The servers round half to even, unlike `toFixed`. */
function asWritten(value: number, { type, decimals }: Field): number {
  if (decimals < NOT_FIXED) {
    return Number(evenNeighbour(value.toFixed(decimals + MORE_DIGITS)) ?? value.toFixed(decimals))
  }
  if (type !== FLOAT) return value
  const [digits = '', exponent = ''] = value.toExponential(FLOAT_DIGITS - 1 + MORE_DIGITS).split('e')
  const even = evenNeighbour(digits)
  return Number(even === undefined ? value.toPrecision(FLOAT_DIGITS) : `${even}e${exponent}`)
}

/** Further digits, to tell an exact half from a value near it: no other double has so many zeros after a 5. */
const MORE_DIGITS = 30

/** The digits without {@link MORE_DIGITS} if these are exactly a half and the last digit left is even; else `undefined`. */
function evenNeighbour(digits: string): string | undefined {
  const cut = digits.slice(0, -MORE_DIGITS)
  return HALF.test(digits.slice(-MORE_DIGITS)) && /[02468]\.?$/.test(cut) ? cut : undefined
}

const HALF = /^50*$/

/** Pads the fraction to the digits of the column, as text does: the binary protocol omits trailing zeros. */
function withFraction(text: string, digits: number): string {
  if (digits === 0 || digits >= NOT_FIXED) return text
  const [seconds, fraction = ''] = text.split('.')
  return `${seconds}.${fraction.padEnd(digits, '0')}`
}

/** mysql2 reads NULL as an empty vector, which does not exist otherwise. */
function nullIfEmpty(vector: unknown): unknown {
  return (vector as readonly number[]).length === 0 ? null : vector
}

/** If columns share a name, a row holds only the value of the last one. */
function isHidden(field: Field, fields: readonly Field[]): boolean {
  return fields.findLast(({ name }) => name === field.name) !== field
}
