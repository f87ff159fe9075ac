/** Relations: which rows belong to a row, and the statement that fetches them for many rows at once. */
import { all, succeed } from './combinators.ts'
import { ResultError, UsageError } from '../errors/errors.ts'
import { assertKnown } from '../options/known-options.ts'
import { inStatements, rowsOfKeys } from './key-fetch.ts'
import { type Identity, identityOf, rowsByKey } from './key-identity.ts'
import type { AccessOfRelations, Nestable, Nested, Relations, RowIn } from './relation-types.ts'
import {
  type Access,
  type AccessOf,
  Query,
  type Queryable,
  type ResultOf,
  type RowsQueryable,
  toQuery,
} from './query.ts'

/** The columns by which rows belong together: the one of the rows that get, and the one of those that are fetched. */
export interface RelationColumns<From, To> {
  readonly from: From
  readonly to: To
}

/** The values of column `To` in the rows of `Q`, as keys. */
export type KeyIn<Q, To> = NonNullable<RowIn<ResultOf<Q>>[To & keyof RowIn<ResultOf<Q>>]>

/** Rows that have the column `From`. */
export type ParentOf<From extends string, Key> = { readonly [Column in From]: Key | null | undefined }

type Row = Readonly<Record<string, unknown>>

interface Definition extends RelationColumns<string, string> {
  readonly fetch: (keys: readonly unknown[]) => Queryable
  /** What a row gets for the rows that belong to it; for none at all if its own column is null. Throws if they don't suit. */
  readonly pick: (rows: readonly unknown[] | undefined, label: string) => unknown
  /** What is nested into the fetched rows, once it is known which row they belong to: it may take the place of `to`. */
  readonly nested: readonly Readonly<Record<string, unknown>>[]
}

/** What `with` nests into rows of type `Parent`. A value: it can be made once and used for any number of queries. */
export class Relation<in Parent, out Value, out Missing, out A extends Access = Access> implements Nestable<
  Parent,
  Value,
  Missing,
  A
> {
  declare readonly '~nests': (parent: Parent) => readonly [Value, Missing, A]
  /** For the interpreter only. */
  readonly '~definition': Definition

  /** Relations are made by `hasMany`, `hasOne` and `belongsTo`, not by hand. */
  constructor(definition: Definition) {
    this['~definition'] = definition
    Object.freeze(this)
  }

  /** The same relation with others nested into its rows. */
  with<T, R extends Relations<RowIn<T>>>(
    this: Relation<Parent, T, Missing, A>,
    relations: R,
  ): Relation<Parent, Nested<T, R>, Missing, A | AccessOfRelations<R>> {
    const definition = this['~definition']
    return new Relation({ ...definition, nested: [...definition.nested, relations] })
  }
}

/**
 * All rows whose column `to` equals the row's column `from`, in the order of the server; none gives an empty list.
 * `fetch` makes the query of the rows of all these keys, each given once and none of them null: a function of a
 * repository, say. Where rows belong to several, as through a join table, it joins that and selects its column as `to`.
 */
export function hasMany<
  Q extends RowsQueryable,
  const From extends string,
  const To extends keyof RowIn<ResultOf<Q>> & string,
>(
  fetch: (keys: readonly KeyIn<Q, To>[]) => Q,
  columns: RelationColumns<From, To>,
): Relation<ParentOf<From, KeyIn<Q, To>>, RowIn<ResultOf<Q>>[], never, AccessOf<Q>> {
  return relation(fetch, columns, (rows = []) => [...rows])
}

/** The row whose column `to` equals the row's column `from`, or `null`; more than one is a {@link ResultError}. */
export function hasOne<
  Q extends RowsQueryable,
  const From extends string,
  const To extends keyof RowIn<ResultOf<Q>> & string,
>(
  fetch: (keys: readonly KeyIn<Q, To>[]) => Q,
  columns: RelationColumns<From, To>,
): Relation<ParentOf<From, KeyIn<Q, To>>, RowIn<ResultOf<Q>> | null, never, AccessOf<Q>> {
  return relation(fetch, columns, (rows = [], label) => {
    if (rows.length <= 1) return rows[0] ?? null
    throw new ResultError({ label }, 'at most one row for each key', `${rows.length} rows`)
  })
}

/**
 * The row that the row's column `from` refers to, where it is not null. That there is none, or more than one, is a
 * {@link ResultError}; {@link hasOne} is for references that may dangle.
 */
export function belongsTo<
  Q extends RowsQueryable,
  const From extends string,
  const To extends keyof RowIn<ResultOf<Q>> & string,
>(
  fetch: (keys: readonly KeyIn<Q, To>[]) => Q,
  columns: RelationColumns<From, To>,
): Relation<ParentOf<From, KeyIn<Q, To>>, RowIn<ResultOf<Q>>, null, AccessOf<Q>> {
  return relation(fetch, columns, (rows, label) => {
    if (rows === undefined) return null
    if (rows.length === 1) return rows[0]
    const actual = rows.length === 0 ? 'none' : `${rows.length} rows`
    throw new ResultError({ label }, `exactly one row for each ${columns.from}`, actual)
  })
}

function relation(
  fetch: (keys: never) => Queryable,
  columns: RelationColumns<string, string>,
  pick: Definition['pick'],
): Relation<unknown, never, never, never> {
  if (typeof fetch !== 'function' || typeof columns?.from !== 'string' || typeof columns.to !== 'string') {
    throw new UsageError(
      "expected a function of keys and two columns, as in hasMany(orders.byUserIds, { from: 'id', to: 'user_id' })",
    )
  }
  assertKnown('relation', columns, COLUMNS)
  return new Relation({
    fetch: fetch as Definition['fetch'],
    from: columns.from,
    to: columns.to,
    pick,
    nested: [],
  })
}

const COLUMNS: ReadonlySet<string> = new Set(['from', 'to'])

/** A query of what was given, row or rows, with the relations nested into it. */
export function nest(value: unknown, relations: Readonly<Record<string, unknown>>): Query<unknown> {
  const rows = rowsIn(value)
  const names = Object.keys(relations)
  if (rows.length === 0 || names.length === 0) return succeed(value)
  const branches = names.map((name) => valuesFor(rows, name, relations[name]))
  return all(branches).map((columns) => {
    const nested: Record<string, unknown>[] = []
    for (const [index, row] of rows.entries()) {
      const copy: Record<string, unknown> = { ...row }
      for (const [place, name] of names.entries()) copy[name] = columns[place]?.[index]
      nested.push(copy)
    }
    return Array.isArray(value) ? nested : nested[0]
  })
}

function rowsIn(value: unknown): readonly Row[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value as readonly Row[]
  if (typeof value === 'object') return [value as Row]
  throw new UsageError(`with: expected a query of rows, got one of ${typeof value}`)
}

/** A query of what each of the rows gets. */
function valuesFor(rows: readonly Row[], name: string, relation: unknown): Query<readonly unknown[]> {
  if (!(relation instanceof Relation)) {
    throw new UsageError(`with: expected ${name} to be a relation, made by hasMany, hasOne or belongsTo`)
  }
  if (name === '__proto__') throw new UsageError('with: a relation can not be called __proto__')
  const { fetch, from, to, pick, nested } = relation['~definition']
  const keys = new Map<Identity, unknown>()
  const identities = rows.map((row) => {
    const key = row[from]
    if (key === undefined)
      throw new UsageError(`with: ${name} needs the column ${from}, which the rows don't have`)
    if (key === null) return undefined
    if (typeof key === 'number' && !Number.isInteger(key)) {
      throw new UsageError(
        `with: expected ${name} to join on integers, text, dates or bytes, got a fraction in the column ${from}: a FLOAT is not ` +
          'equal to its digits, so that rows would be missed; join on a DECIMAL or another column',
      )
    }
    const identity = identityOf(key)
    if (!keys.has(identity)) keys.set(identity, key)
    return identity
  })
  const statements = inStatements(keys)
  const source = {
    fetch: (keys: readonly unknown[]) => toQuery(fetch(keys)),
    keyOf: (row: unknown) => (row as Row)[to],
    label: name,
  }
  const fetched = all(statements.map((asked) => rowsOfKeys(asked, source)))
  const valuesOf = (fetched: readonly unknown[], given: readonly unknown[]): readonly unknown[] => {
    const found = new Map<Identity, unknown[]>()
    let from = 0
    for (const [index, asked] of statements.entries()) {
      const related = fetched[index] as readonly Row[]
      const own = given.slice(from, (from += related.length))
      for (const entry of rowsByKey(own, (_, at) => related[at]?.[to], asked, name)) found.set(...entry)
    }
    return identities.map((identity) =>
      pick(identity === undefined ? undefined : (found.get(identity) ?? []), name),
    )
  }
  if (nested.length === 0) return fetched.map((related) => valuesOf(related, related.flat()))
  return fetched.andThen((related) => {
    let given: Query<unknown> = succeed(related.flat())
    for (const relations of nested) given = new Query({ type: 'with', source: given, relations })
    return given.map((given) => valuesOf(related, given as readonly unknown[]))
  })
}
