/** Queries that combine others, and queries without a statement. */
import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'

/** The result of `all`: a list or record like `Q`, with results in the places of queries. */
export type Results<Q> = { -readonly [K in keyof Q]: ResultOf<Q[K]> } & {}

/** The access of `all`: the union of its queries' accesses. */
export type AccessOfAll<Q> = AccessOf<Q extends readonly (infer M)[] ? M : Q[keyof Q]>

/**
 * Runs independent queries, the branches, side by side: the first statements of all branches share a flight, then the
 * second ones, and so on. The result is a list or record of the branches' results. The first failure fails all branches.
 *
 * Statements in one flight run in the order of the list or record. There is no other guarantee of order: put dependent
 * steps into a {@link program}.
 *
 * @example
 * ```ts
 * const [ann, howMany] = await uow.read(all([accounts.byId(1), accounts.count()]))
 * console.log(ann.name, howMany)
 * await uow.read(all({ exists: accounts.exists(), howMany: accounts.count() })) // { exists: true, howMany: 2 }
 * ```
 *
 * @throws {UsageError} when `queries` is neither an array nor a record.
 */
export function all<const Q extends readonly Queryable[] | Readonly<Record<string, Queryable>>>(
  queries: Q,
): Query<Results<Q>, AccessOfAll<Q>> {
  if (Array.isArray(queries)) {
    const branches: readonly Queryable[] = [...queries]
    return new Query({ type: 'all', branches, collect: (values) => values })
  }
  if (!isRecord(queries)) {
    throw new UsageError('all: expected an array or a record of queries, as in all([a, b]) or all({ a, b })')
  }
  const keys = Object.keys(queries)
  return new Query({
    type: 'all',
    branches: Object.values(queries),
    collect: (values) => Object.fromEntries(keys.map((key, index) => [key, values[index]])),
  })
}

/**
 * Runs a branch for each item, side by side as those of {@link all}. The results have the order of the items.
 *
 * A flight starts only as many branches as it has room for, so memory holds only hundreds of statements, whatever the
 * number of items. Each run of the query calls `make` once per item.
 *
 * @example
 * ```ts
 * const found = await uow.read(each([2, 1], (id) => accounts.byId(id)))
 * console.log(found.map(({ name }) => name)) // [ 'Bob', 'Ann' ]
 * ```
 *
 * @throws {UsageError} when `items` is not an array or `make` is not a function.
 */
export function each<I, const Q extends Queryable>(
  items: readonly I[],
  make: (item: I, index: number) => Q,
): Query<ResultOf<Q>[], AccessOf<Q>> {
  if (!Array.isArray(items) || typeof make !== 'function') {
    throw new UsageError('each: expected an array and a function, as in each(ids, (id) => accounts.byId(id))')
  }
  const copy = [...(items as readonly unknown[])]
  return new Query({ type: 'each', items: copy, make: make as (item: unknown, index: number) => Queryable })
}

/** Whether the value is a plain object: a promise or a builder would otherwise pass for a record without keys. */
export function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * A query without a statement, whose result is `value`.
 *
 * @example
 * ```ts
 * const cheapest = (ids: readonly number[]) =>
 *   ids.length === 0 ? succeed(undefined) : accounts.byIds(ids).map(([first]) => first)
 * await uow.read(cheapest([])) // undefined
 * ```
 */
export function succeed<const T>(value: T): Query<T, 'read'> {
  return new Query({ type: 'succeed', value })
}

/**
 * A query without a statement that fails the unit with `error`. The unit rejects with the same object.
 *
 * @example
 * ```ts
 * const payer = accounts.byId(2).andThen((account) =>
 *   account.cents > 0 ? succeed(account) : fail(new RangeError('the account is empty')),
 * )
 * await uow.run(payer) // throws RangeError
 * ```
 */
export function fail(error: Error): Query<never, 'read'> {
  return new Query({ type: 'fail', error })
}
