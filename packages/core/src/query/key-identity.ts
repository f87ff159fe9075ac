/** Equality of keys, and the assignment of rows to their keys. */
import { ResultError, UsageError } from '../errors/errors.ts'

/** A `Map` key that is the same for equal keys. */
export type Identity = number | string

/**
 * The identity of a key: a number, bigint, string, boolean, `Date` or bytes, or a list or record of these. As in SQL, a
 * number equals the bigint and the boolean of its value. It equals no string. The order of a record's fields is
 * irrelevant.
 *
 * @throws {UsageError} for any other key. `null` is none: it equals nothing in SQL.
 */
export function identityOf(key: unknown): Identity {
  if (typeof key === 'number') return key
  return typeof key === 'string' ? `'${key}` : identityOfOther(key)
}

function identityOfOther(key: unknown): Identity {
  if (typeof key === 'boolean') return Number(key)
  if (typeof key === 'bigint') return Number.isSafeInteger(Number(key)) ? Number(key) : `${key}n`
  if (key instanceof Date) return `@${key.getTime()}`
  if (key instanceof Uint8Array) return `x${Buffer.from(key).toString('hex')}`
  if (Array.isArray(key)) return `[${key.map(partOf).join()}]`
  if (typeof key === 'object' && key !== null) {
    const parts = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${partOf(part)}`).join()}}`
  }
  throw new UsageError(
    `expected a key to be a number, string, bigint, boolean, Date or bytes, or a list or record of them, got ${
      key === null ? 'null' : typeof key
    }`,
  )
}

function partOf(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(identityOf(key))
}

/**
 * The rows of each key, in the order of the server's answer.
 *
 * @throws {ResultError} for a row whose key is not in `asked`. The server considers more keys equal than
 *   {@link identityOf}, those that differ in case for instance.
 */
export function rowsByKey<Row>(
  rows: readonly Row[],
  keyOf: (row: Row, index: number) => unknown,
  asked: { has(identity: Identity): boolean },
  label: string | undefined,
): Map<Identity, Row[]> {
  const found = new Map<Identity, Row[]>()
  for (const [index, row] of rows.entries()) {
    const identity = identityOf(keyOf(row, index))
    const others = found.get(identity)
    if (others !== undefined) others.push(row)
    else if (asked.has(identity)) found.set(identity, [row])
    else throw ofAnotherKey(label)
  }
  return found
}

/** The error for a row whose key is not the one that was asked for. */
export function ofAnotherKey(label: string | undefined): ResultError {
  return new ResultError({ label }, 'rows of the keys that were asked for', 'a row of another one')
}
