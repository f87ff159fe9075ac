/** Rows on their way out: each value is exactly what the server sent, or a `ResultError`; never something near it. */
import { ResultError, type ResultPlace } from '@leasehold/core'
import { type Bigints, readBigint } from './bigints.ts'
import { type Datetimes, readDatetime } from './datetimes.ts'
import { readJson } from './json.ts'
import type { Rows } from '../protocol/reply-readers.ts'
import type { Field } from '../protocol/mysql2-commands.ts'

export interface ValueSettings {
  readonly bigints: Bigints
  readonly datetimes: Datetimes
}

/** mysql2's options for it: what it would round, cut off or fail on comes as text. */
export function valueOptions({ bigints }: ValueSettings): {
  readonly supportBigNumbers: true
  readonly bigNumberStrings: boolean
  readonly dateStrings: true
  readonly jsonStrings: true
} {
  return {
    // With numbers asked for, only integers that don't fit one come as text.
    supportBigNumbers: true,
    bigNumberStrings: bigints !== 'number',
    dateStrings: true,
    jsonStrings: true,
  }
}

/** The rows with their values as asked for, changed in place. Throws a `ResultError` for a value that can't be given. */
export function exactRows(
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

/** What mysql2 or a reader of values has failed on. Its own message may show the value. */
export function notRead(error: unknown, place: ResultPlace): ResultError {
  const shown = error instanceof Error ? `a failure to read them (${error.name})` : 'a failure to read them'
  return new ResultError(place, 'rows that can be read', `${shown}: ${String(error)}`, {
    cause: error,
    shown,
  })
}

/** `shown` is what the message says in the place of `actual`, which has the value. */
type Refuse = (expected: string, actual: string, shown: string) => never

/** What becomes of a value, other than NULL, that mysql2 has read. */
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

/** Absent where mysql2's value is as it should be, which is most columns. */
function readerOf(field: Field, { bigints, datetimes }: ValueSettings, binary: boolean): Reader | undefined {
  const { type, decimals, extendedFormat, flags } = field
  // MariaDB's JSON is a LONGTEXT with a remark.
  if (extendedFormat === 'json') return (text, refuse) => readJson(text as string, bigints, refuse)
  switch (type) {
    case LONGLONG:
      if (bigints === 'string') return (flags & ZEROFILL) === 0 ? undefined : withoutZeros
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

/** Digits behind the point that are said to be as many as there are. */
const NOT_FIXED = 31
/** Digits of a FLOAT that the servers write as text. */
const FLOAT_DIGITS = 6

/** The number that the server would have written as text: halves go to the even neighbour, which `toFixed` has not. */
function asWritten(value: number, { type, decimals }: Field): number {
  if (decimals < NOT_FIXED) {
    return Number(evenNeighbour(value.toFixed(decimals + MORE_DIGITS)) ?? value.toFixed(decimals))
  }
  if (type !== FLOAT) return value
  const [digits = '', exponent = ''] = value.toExponential(FLOAT_DIGITS - 1 + MORE_DIGITS).split('e')
  const even = evenNeighbour(digits)
  return Number(even === undefined ? value.toPrecision(FLOAT_DIGITS) : `${even}e${exponent}`)
}

/** Digits by which a half is told from what is a little more or less; no double that is has zeros for so long. */
const MORE_DIGITS = 30

/** The number without {@link MORE_DIGITS}, if they are a half of its last digit, and that is even. */
function evenNeighbour(digits: string): string | undefined {
  const cut = digits.slice(0, -MORE_DIGITS)
  return HALF.test(digits.slice(-MORE_DIGITS)) && /[02468]\.?$/.test(cut) ? cut : undefined
}

const HALF = /^50*$/

/** A number without the zeros that ZEROFILL puts before it in text alone. */
function withoutZeros(text: unknown): string {
  return String(text).replace(/^0+(?=\d)/, '')
}

const ZEROFILL = 0x40

/** The text with all digits of its column's fraction, of which the binary form leaves out zeros. */
function withFraction(text: string, digits: number): string {
  if (digits === 0 || digits >= NOT_FIXED) return text
  const [seconds, fraction = ''] = text.split('.')
  return `${seconds}.${fraction.padEnd(digits, '0')}`
}

/** mysql2 reads NULL as a vector without elements, which there is not. */
function nullIfEmpty(vector: unknown): unknown {
  return (vector as readonly number[]).length === 0 ? null : vector
}

/** Of columns that share a name, a row has the last one's value. */
function isHidden(field: Field, fields: readonly Field[]): boolean {
  return fields.findLast(({ name }) => name === field.name) !== field
}
