/** Queries made of queries, and of none. */
import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'

/** What `all` gives: the results in the shape of what it was given. */
export type Results<Q> = { -readonly [K in keyof Q]: ResultOf<Q[K]> } & {}

/** The access that `all` asks for: the union of what it was given. */
export type AccessOfAll<Q> = AccessOf<Q extends readonly (infer M)[] ? M : Q[keyof Q]>

/**
 * Branches that don't depend on one another, side by side: the first statements of all branches share a flight,
 * then the second ones, and so on. Within a flight they keep the order of the list; nothing more is promised,
 * so what depends belongs in a `program`. The first failure fails them all.
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
 * A branch for each of the items, side by side as those of `all` are: `each(orders, (order) => items.byId(order.item))`
 * gives the results in the order of the items. Branches are begun as flights have room for them, so that any number of
 * items keeps only hundreds of statements at a time. `make` is called while the query runs, each time it does.
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

/** Whether it was written as `{ … }`: a promise or a builder would otherwise pass for a record without keys. */
export function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** A query that runs nothing and gives `value`. */
export function succeed<const T>(value: T): Query<T, 'read'> {
  return new Query({ type: 'succeed', value })
}

/** A query that runs nothing and fails the unit with `error`, which comes out of it as the same object. */
export function fail(error: Error): Query<never, 'read'> {
  return new Query({ type: 'fail', error })
}
