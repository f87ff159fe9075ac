/** Relations: they fetch the related rows of many rows with one statement. */
import { all, succeed } from './combinators.ts'
import { ResultError, UsageError } from '../errors/errors.ts'
import { assertOptions, type OptionChecks } from '../options/check-options.ts'
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

/** The columns that join two kinds of rows: `from` of the parent rows equals `to` of the fetched rows. */
export interface RelationColumns<From, To> {
  /** A column of the rows that `with` is called on. Null joins nothing. */
  readonly from: From
  /** A column of the rows that `fetch` selects. */
  readonly to: To
}

/** The type of the column `To` in the rows of `Q`, without null. */
export type KeyIn<Q, To> = NonNullable<RowIn<ResultOf<Q>>[To & keyof RowIn<ResultOf<Q>>]>

/** Rows with the column `From`, whose type is `Key` or null. */
export type ParentOf<From extends string, Key> = { readonly [Column in From]: Key | null | undefined }

type Row = Readonly<Record<string, unknown>>

interface Definition extends RelationColumns<string, string> {
  readonly fetch: (keys: readonly unknown[]) => Queryable
  /** Makes the nested value from the related rows, `undefined` if the column `from` is null. Throws for a wrong number of rows. */
  readonly pick: (rows: readonly unknown[] | undefined, label: string) => unknown
  /** Relations to nest into the fetched rows, after these are assigned to parents: a relation may replace the column `to`. */
  readonly nested: readonly Readonly<Record<string, unknown>>[]
}

/**
 * A relation that `with` nests into rows of type `Parent`. `Value` is the nested value, `Missing` the one for a null column,
 * `A` the access. It is an immutable value, for any number of queries.
 *
 * @example
 * ```ts
 * const account = belongsTo(accounts.byIds, { from: 'accountId', to: 'id' })
 * const ordersOf = (ids: readonly number[]) => orders.list({ where: (eb) => eb('accountId', 'in', ids) })
 * const relation = hasMany(ordersOf, { from: 'id', to: 'accountId' }).with({ account })
 * const ann = await uow.read(accounts.byId(1).with({ orders: relation }))
 * console.log(ann.orders.map(({ item, account }) => [item, account.name])) // [ [ 'nail', 'Ann' ], [ 'screw', 'Ann' ] ]
 * ```
 */
export class Relation<in Parent, out Value, out Missing, out A extends Access = Access> implements Nestable<
  Parent,
  Value,
  Missing,
  A
> {
  declare readonly '~nests': (parent: Parent) => readonly [Value, Missing, A]
  /** For the interpreter only. */
  readonly '~definition': Definition

  /** For Leasehold only: use `hasMany`, `hasOne` or `belongsTo`. */
  constructor(definition: Definition) {
    this['~definition'] = definition
    Object.freeze(this)
  }

  /** The same relation with other relations nested into its rows. */
  with<T, R extends Relations<RowIn<T>>>(
    this: Relation<Parent, T, Missing, A>,
    relations: R,
  ): Relation<Parent, Nested<T, R>, Missing, A | AccessOfRelations<R>> {
    const definition = this['~definition']
    return new Relation({ ...definition, nested: [...definition.nested, relations] })
  }
}

/**
 * A relation to all rows whose column `to` equals the parent row's column `from`, in the order of the server's answer.
 * A parent without related rows gets an empty list.
 *
 * `fetch` makes the query of the rows of all these keys: at most 1 000, each once, none of them null. For rows that belong
 * to several parents, `fetch` joins the join table and selects its column as `to`. A row whose key `fetch` did not receive
 * is a {@link ResultError}.
 *
 * @example
 * ```ts
 * const ordersOf = (ids: readonly number[]) =>
 *   db.selectFrom('orders').selectAll().where('accountId', 'in', ids).orderBy('id')
 * const ownOrders = hasMany(ordersOf, { from: 'id', to: 'accountId' })
 * const found = await uow.read(accounts.list({ orderBy: ['id'] }).with({ orders: ownOrders }))
 * console.log(found.map(({ orders }) => orders.length)) // [ 2, 0 ]
 * ```
 *
 * @throws {UsageError} when `fetch` is not a function, or `columns` lacks `from` or `to`.
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

/**
 * A relation to the row whose column `to` equals the parent row's column `from`, or `null` without one. More than one row
 * is a {@link ResultError}. See {@link hasMany} for `fetch`.
 *
 * @example
 * ```ts
 * const nailOrders = (ids: readonly number[]) =>
 *   db.selectFrom('orders').selectAll().where('item', '=', 'nail').where('accountId', 'in', ids)
 * const nailOrder = hasOne(nailOrders, { from: 'id', to: 'accountId' })
 * const bob = await uow.read(accounts.byId(2).with({ nailOrder }))
 * console.log(bob.nailOrder) // null
 * ```
 *
 * @throws {UsageError} when `fetch` is not a function, or `columns` lacks `from` or `to`.
 */
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
 * A relation to the one row whose column `to` equals the parent row's column `from`; `null` if `from` is null. No row, or
 * more than one, is a {@link ResultError}: use {@link hasOne} for references that may dangle. See {@link hasMany} for
 * `fetch`.
 *
 * @example
 * ```ts
 * const account = belongsTo(accounts.byIds, { from: 'accountId', to: 'id' })
 * const order = await uow.read(orders.byId(1).with({ account }))
 * console.log(order.account.name) // Ann
 * ```
 *
 * @throws {UsageError} when `fetch` is not a function, or `columns` lacks `from` or `to`.
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
    const shown = rows.length === 0 ? 'none: use hasOne for references that may dangle' : actual
    throw new ResultError({ label }, `exactly one row for each ${columns.from}`, actual, { shown })
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
  assertOptions('relation', columns, COLUMNS)
  return new Relation({
    fetch: fetch as Definition['fetch'],
    from: columns.from,
    to: columns.to,
    pick,
    nested: [],
  })
}

const COLUMNS: OptionChecks = { from: 'string', to: 'string' }

/** The query of a row, or of rows, with the relations nested into them. */
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
  throw new UsageError(`with: expected the result of the query to be rows, got a ${typeof value}`)
}

/** The query of the nested value of each row. */
function valuesFor(rows: readonly Row[], name: string, relation: unknown): Query<readonly unknown[]> {
  if (!(relation instanceof Relation)) {
    throw new UsageError(`with: expected ${name} to be a relation; make it with hasMany, hasOne or belongsTo`)
  }
  if (name === '__proto__')
    throw new UsageError('with: a relation cannot be named __proto__; choose another name')
  const { fetch, from, to, pick, nested } = relation['~definition']
  const keys = new Map<Identity, unknown>()
  const identities = rows.map((row) => {
    const key = row[from]
    if (key === undefined)
      throw new UsageError(`with: ${name} joins on the column ${from}, which the rows lack; select it`)
    if (key === null) return undefined
    if (typeof key === 'number' && !Number.isInteger(key)) {
      throw new UsageError(
        `with: expected ${name} to join on integers, text, dates or bytes, got a fraction in the column ${from}: a FLOAT is not ` +
          'equal to its digits, and the join would miss rows; join on a DECIMAL or another column',
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
