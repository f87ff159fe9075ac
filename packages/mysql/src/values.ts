/** Rows on their way out: each value is exactly what the server sent, or a `ResultError`; never something near it. */
import { ResultError } from '@leasehold/core'
import { type Bigints, readBigint } from './bigints.ts'
import { type Datetimes, readDatetime } from './datetimes.ts'
import { readJson } from './json.ts'
import type { Field } from './pipeline.ts'

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
  fields: readonly Field[],
  settings: ValueSettings,
  label: string | undefined,
): readonly Record<string, unknown>[] {
  for (const field of fields) {
    const read = readerOf(field, settings)
    if (read === undefined || isHidden(field, fields)) continue
    const { name } = field
    const refuse: Refuse = (expected, actual) => {
      throw new ResultError(label, `${expected} in column ${name}`, actual)
    }
    for (const row of rows) {
      const value = row[name]
      if (value === null) continue
      const exact = read(value, refuse)
      if (exact !== value) row[name] = exact
    }
  }
  return rows
}

type Refuse = (expected: string, actual: string) => never

/** What becomes of a value, other than NULL, that mysql2 has read. */
type Reader = (value: unknown, refuse: Refuse) => unknown

/** Types of columns (MySQL Source Documentation, "field_types.h"). */
const FLOAT = 4
const DOUBLE = 5
const TIMESTAMP = 7
const LONGLONG = 8
const DATETIME = 12
const VECTOR = 242
const JSON = 245

/** Absent where mysql2's value is as it should be, which is most columns. */
function readerOf(
  { type, extendedFormat }: Field,
  { bigints, datetimes }: ValueSettings,
): Reader | undefined {
  // MariaDB's JSON is a LONGTEXT with a remark.
  if (extendedFormat === 'json') return (text, refuse) => readJson(text as string, bigints, refuse)
  switch (type) {
    case LONGLONG:
      if (bigints === 'string') return undefined
      return (value, refuse) => readBigint(value as number | string, bigints, refuse)
    case FLOAT:
    case DOUBLE:
      return Number
    case TIMESTAMP:
    case DATETIME:
      if (datetimes === 'string') return undefined
      return (text, refuse) => readDatetime(text as string, refuse)
    case JSON:
      return (text, refuse) => readJson(text as string, bigints, refuse)
    case VECTOR:
      return nullIfEmpty
    default:
      return undefined
  }
}

/** mysql2 reads NULL as a vector without elements, which there is not. */
function nullIfEmpty(vector: unknown): unknown {
  return (vector as readonly number[]).length === 0 ? null : vector
}

/** Of columns that share a name, a row has the last one's value. */
function isHidden(field: Field, fields: readonly Field[]): boolean {
  return fields.findLast(({ name }) => name === field.name) !== field
}
