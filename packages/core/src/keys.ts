/** Keys by which rows are fetched together: which of them are equal, and which rows belong to which. */
import { ResultError, UsageError } from './errors.ts'

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
 * The keys, each with what it stands for, by the statements that fetch their rows. No two that the server may take for equal are
 * in one, since a row that it finds for both would be missing for one of them; nor are text, numbers and bytes.
 */
export function inStatements<T>(keys: Iterable<readonly [Identity, T]>): ReadonlyMap<Identity, T>[] {
  const statements: Map<Identity, T>[] = []
  /** The statement that has room, by the kind of its keys and how many before were like them. */
  const open = new Map<string, Map<Identity, T>>()
  const alike = new Map<Identity, number>()
  for (const [identity, value] of keys) {
    const form = formOf(identity)
    const before = alike.get(form) ?? 0
    alike.set(form, before + 1)
    const place = `${typeof identity === 'number' ? 'n' : identity[0]}${before}`
    let statement = open.get(place)
    if (statement === undefined || statement.size === KEYS_IN_STATEMENT) {
      statement = new Map()
      open.set(place, statement)
      statements.push(statement)
    }
    statement.set(identity, value)
  }
  return statements
}

/** The same for keys that may be equal to the server, whatever collation or type it compares them by. */
function formOf(identity: Identity): Identity {
  if (typeof identity === 'number' || identity.startsWith('@')) return identity
  if (identity.startsWith('x')) return identity.replace(/^x(?:00)*/, 'x')
  const plain = identity
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/(?<!\p{N})0+/gu, '')
    .replaceAll(/[ßæœøđðłþıŧħŋ]/gu, (letter) => ALIKE[letter] ?? letter)
    .replaceAll(/[\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll(/[^\p{L}\p{N}\ufffd]+/gu, '')
    .replaceAll(/ss/gu, 's')
  return plain === '' ? identity : `'${NUMBER.test(identity) ? canonical(identity.slice(1)) : plain}`
}

const NUMBER = /^'-?\d+(?:\.\d+)?$/

function canonical(number: string): string {
  const [whole = '', fraction = ''] = number.split('.')
  return `${whole.replace(/^(-?)0+/, '$1')}.${fraction.replace(/0+$/, '')}`
}

const ALIKE: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ı: 'i',
  ŧ: 't',
  ħ: 'h',
  ŋ: 'n',
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
    else throw new ResultError({ label }, 'rows of the keys that were asked for', 'a row of another one')
  }
  return found
}
