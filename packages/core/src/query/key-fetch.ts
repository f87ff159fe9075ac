/** Fetches rows by their keys: splits the keys into statements, and detects rows of keys that the server merely considers equal. */
import { all, succeed } from './combinators.ts'
import { type Identity, identityOf, ofAnotherKey } from './key-identity.ts'
import { likenessOf, spellingOf } from './key-likeness.ts'
import type { Query } from './query.ts'

/** Up to this size the server searches a list of values quickly, and it fits a packet. */
const KEYS_IN_STATEMENT = 1_000

/**
 * The keys, each with its value, by the statements that fetch their rows. Text, numbers and bytes are apart, since side by
 * side the server would compare them in another way. Spellings of one text (`a` and `A`) are apart, since the server may find
 * the rows of both by either: then a row of the other key shows it.
 */
export function inStatements<T>(keys: Iterable<readonly [Identity, T]>): ReadonlyMap<Identity, T>[] {
  const statements: Map<Identity, T>[] = []
  /** Statements that have room, by the kind of their keys, and the number of a key among its spellings. */
  const open = new Map<string, Map<Identity, T>>()
  const spellings = new Map<string, number>()
  for (const [identity, value] of keys) {
    let kind = isNumeric(identity) ? 'n' : String(identity).charAt(0)
    if (mayBeSpelt(identity)) {
      const spelling = formOf(identity, spellingOf) as string
      const before = spellings.get(spelling) ?? 0
      spellings.set(spelling, before + 1)
      kind += before
    }
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
 * Fetches the rows of the keys of one statement. If two of its keys look alike, further queries fetch some of them without
 * the others. A row of another key in such an answer means that the server considers both keys equal, and fails with a
 * `ResultError`: no key has all of its rows then.
 */
export function rowsOfKeys(
  keys: ReadonlyMap<Identity, unknown>,
  { fetch, keyOf, label }: KeyFetch,
): Query<unknown> {
  const fetched = fetch([...keys.values()])
  const [identity] = keys.keys()
  if (keys.size < 2 || identity === undefined || !mayBeSpelt(identity)) return fetched
  return fetched.andThen((rows) => {
    if (!Array.isArray(rows)) return succeed<unknown>(rows)
    const given: readonly unknown[] = rows
    const found = new Set(given.map((row) => identityOf(keyOf(row))))
    const parts = testsOf(keys, found)
    if (parts.length === 0) return succeed<unknown>(given)
    return all(parts.map((part) => fetch(part.map(([, key]) => key)))).map((answers) => {
      for (const [index, others] of answers.entries()) {
        const own = new Set(parts[index]?.map(([each]) => each).filter((each) => found.has(each)))
        if (!Array.isArray(others)) continue
        if (others.some((row) => !own.has(identityOf(keyOf(row))))) throw ofAnotherKey(label)
      }
      return given
    })
  })
}

type Keys = readonly (readonly [Identity, unknown])[]

/**
 * The parts of the keys to fetch again. One part has the keys without rows that look like one with rows. Keys with rows that
 * look alike are numbered; the parts have those whose number has a certain bit, so that of any two a part has one alone.
 */
function testsOf(keys: ReadonlyMap<Identity, unknown>, found: ReadonlySet<Identity>): readonly Keys[] {
  if (found.size === 0) return []
  const forms = new Map(Array.from(keys.keys(), (identity) => [identity, formOf(identity, likenessOf)]))
  const sizes = new Map<Identity | undefined, number>()
  for (const identity of found) {
    const form = forms.get(identity)
    sizes.set(form, (sizes.get(form) ?? 0) + 1)
  }
  // A text without a form may equal any other.
  const anyMayBeAlike = sizes.has(undefined)
  const missing: [Identity, unknown][] = []
  const numbered: [number, readonly [Identity, unknown]][] = []
  const numbers = new Map<Identity | undefined, number>()
  for (const entry of keys) {
    const form = forms.get(entry[0])
    if (!found.has(entry[0])) {
      if (anyMayBeAlike || form === undefined || sizes.has(form)) missing.push(entry)
    } else if (anyMayBeAlike || (sizes.get(form) ?? 0) > 1) {
      const group = anyMayBeAlike ? undefined : form
      const number = numbers.get(group) ?? 0
      numbers.set(group, number + 1)
      numbered.push([number, entry])
    }
  }
  const parts: Keys[] = missing.length === 0 ? [] : [missing]
  const largest = Math.max(0, ...numbers.values())
  for (let bit = 1; bit < largest; bit *= 2) {
    parts.push(numbered.filter(([number]) => (number & bit) !== 0).map(([, entry]) => entry))
  }
  return parts
}

/** A number, or a bigint beyond the safe integers: neither has a second spelling. */
function isNumeric(identity: Identity): boolean {
  return typeof identity === 'number' || /^-?\d+n$/.test(identity)
}

/** Whether the server may consider other keys equal to this one: text and bytes, but no number or `Date`. */
function mayBeSpelt(identity: Identity): boolean {
  return !isNumeric(identity) && !String(identity).startsWith('@')
}

/** Equal for keys whose texts have the same `form`, and whose bytes differ in leading zeros alone. */
function formOf(identity: Identity, form: (text: string) => string | undefined): Identity | undefined {
  if (typeof identity === 'number' || !mayBeSpelt(identity)) return identity
  if (identity.startsWith("'")) return form(identity.slice(1))
  // Of a list or a record, each part by itself.
  let isKnown = true
  const parts = identity.replaceAll(/"(?:[^"\\]|\\.)*"|x(?:00)*/gu, (part) => {
    if (part.startsWith('x')) return 'x'
    const text = form(JSON.parse(part) as string)
    if (text === undefined) isKnown = false
    return JSON.stringify(text ?? '')
  })
  return isKnown ? parts : undefined
}
