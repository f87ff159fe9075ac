/** Fetches rows by their keys: splits the keys into statements, and detects rows of keys that the server merely considers equal. */
import { succeed } from './combinators.ts'
import { type Identity, identityOf, ofAnotherKey } from './key-identity.ts'
import { likenessOf } from './key-likeness.ts'
import type { Query } from './query.ts'

/** Up to this size the server searches a list of values quickly, and it fits a packet. */
const KEYS_IN_STATEMENT = 1_000

/**
 * Splits the keys, each with its value, into statements. Text, numbers and bytes never share a statement, because the
 * server compares a list of mixed types differently.
 */
export function inStatements<T>(keys: Iterable<readonly [Identity, T]>): ReadonlyMap<Identity, T>[] {
  const statements: Map<Identity, T>[] = []
  /** The statement with room for another key, by the kind of its keys. */
  const open = new Map<string, Map<Identity, T>>()
  for (const [identity, value] of keys) {
    const kind = isNumeric(identity) ? 'n' : String(identity).charAt(0)
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

export interface KeyFetch {
  /** Makes the query of the rows of all these keys. */
  readonly fetch: (keys: readonly unknown[]) => Query<unknown>
  readonly keyOf: (row: unknown) => unknown
  readonly label: string | undefined
}

/**
 * Fetches the rows of the keys of one statement. If a key without rows looks like a key with rows, a second query fetches
 * it alone. A row in that answer means that the server considers both keys equal, and fails with a `ResultError`.
 */
export function rowsOfKeys(
  keys: ReadonlyMap<Identity, unknown>,
  { fetch, keyOf, label }: KeyFetch,
): Query<unknown> {
  const fetched = fetch([...keys.values()])
  const [identity] = keys.keys()
  if (keys.size < 2 || identity === undefined || !mayBeSpelt(identity)) return fetched
  return fetched.andThen((rows) => {
    const doubtful = Array.isArray(rows)
      ? doubtfulKeys(keys, new Set(rows.map((row) => identityOf(keyOf(row)))))
      : []
    if (doubtful.length === 0) return succeed(rows)
    return fetch(doubtful).map((others) => {
      if (Array.isArray(others) && others.length > 0) throw ofAnotherKey(label)
      return rows
    })
  })
}

function doubtfulKeys(
  keys: ReadonlyMap<Identity, unknown>,
  found: ReadonlySet<Identity>,
): readonly unknown[] {
  if (found.size === 0 || found.size === keys.size) return []
  const forms = new Set(Array.from(found, formOf))
  return [...keys]
    .filter(([identity]) => !found.has(identity) && forms.has(formOf(identity)))
    .map(([, key]) => key)
}

/** A number, or a bigint beyond the safe integers: neither has a second spelling. */
function isNumeric(identity: Identity): boolean {
  return typeof identity === 'number' || /^-?\d+n$/.test(identity)
}

/** Whether the server may consider other keys equal to this one: text and bytes, but no number or `Date`. */
function mayBeSpelt(identity: Identity): boolean {
  return !isNumeric(identity) && !String(identity).startsWith('@')
}

/** Equal for keys that the server may consider equal. */
function formOf(identity: Identity): Identity {
  if (typeof identity === 'number' || !mayBeSpelt(identity)) return identity
  if (identity.startsWith('x')) return identity.replace(/^x(?:00)*/, 'x')
  if (identity.startsWith("'")) return `'${likenessOf(identity.slice(1))}`
  // A list or record: each text in it has its own form.
  return identity.replaceAll(/"(?:[^"\\]|\\.)*"/gu, (text) => likenessOf(JSON.parse(text) as string))
}
