/** Keys by which rows are fetched together: which of them are equal, and which rows belong to which. */
import { ResultError, UsageError } from './errors.ts'
import { likenessOf } from './likeness.ts'

/** What is more goes into another statement: a list of values is searched quickly, and a packet holds it, up to here. */
const KEYS_IN_STATEMENT = 1_000

/** Equal for equal keys, so that a `Map` finds them. */
export type Identity = number | string

/**
 * The identity of a key: a number, bigint, string, boolean, `Date` or bytes, or a list or record of such. Numbers are
 * equal to bigints and booleans of the same value, as they are in SQL, and to no string; a record's order of parts
 * doesn't matter. Anything else is a {@link UsageError}, `null` too, since it equals nothing in SQL.
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

/**
 * The keys, each with what it stands for, by the statements that fetch their rows: text, numbers and bytes apart, since the
 * server would compare them in another way side by side.
 */
export function inStatements<T>(keys: Iterable<readonly [Identity, T]>): ReadonlyMap<Identity, T>[] {
  const statements: Map<Identity, T>[] = []
  /** The statement that has room, by the kind of its keys. */
  const open = new Map<string, Map<Identity, T>>()
  for (const [identity, value] of keys) {
    const kind = typeof identity === 'number' ? 'n' : identity.charAt(0)
    let statement = open.get(kind)
    if (statement === undefined || statement.size === KEYS_IN_STATEMENT) {
      statement = new Map()
      open.set(kind, statement)
      statements.push(statement)
    }
    statement.set(identity, value)
  }
  return statements
}

/**
 * The keys of one statement without rows that the server may take for one with rows: whether it does is known when it is
 * asked for these alone.
 */
export function doubtfulKeys<T>(asked: ReadonlyMap<Identity, T>, found: ReadonlySet<Identity>): readonly T[] {
  if (found.size === 0) return NONE
  const alike = new Set<Identity>()
  const doubtful: T[] = []
  for (const [identity, key] of asked) {
    if (typeof identity === 'number' || found.has(identity)) continue
    if (alike.size === 0) for (const each of found) alike.add(formOf(each))
    if (alike.has(formOf(identity))) doubtful.push(key)
  }
  return doubtful
}

const NONE: readonly never[] = []

/** Whether there may be any: numbers are the same to everybody. */
export function mayBeDoubtful(asked: ReadonlyMap<Identity, unknown>): boolean {
  const [identity] = asked.keys()
  return asked.size > 1 && typeof identity !== 'number'
}

/** Throws a {@link ResultError} for rows that were found by keys of which other rows are. */
export function assertNone(rows: unknown, label: string | undefined): void {
  if (Array.isArray(rows) && rows.length > 0) throw another(label)
}

function another(label: string | undefined): ResultError {
  return new ResultError({ label }, 'rows of the keys that were asked for', 'a row of another one')
}

function formOf(identity: Identity): Identity {
  if (typeof identity === 'number' || identity.startsWith('@')) return identity
  if (identity.startsWith('x')) return identity.replace(/^x(?:00)*/, 'x')
  if (identity.startsWith("'")) return `'${likenessOf(identity.slice(1))}`
  // Of a list or a record, each text by itself.
  return identity.replaceAll(/"(?:[^"\\]|\\.)*"/gu, (text) => likenessOf(JSON.parse(text) as string))
}

function partOf(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(identityOf(key))
}

/**
 * The rows of each key, in the order they came. A row of a key that was not asked for is a {@link ResultError}: the
 * server has found something equal, a letter in the other case perhaps, which a key here is not.
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
    else throw another(label)
  }
  return found
}
