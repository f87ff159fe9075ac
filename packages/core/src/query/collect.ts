import { isCompilable } from 'kysely'
import { all, isRecord } from './combinators.ts'
import { composedPlugins } from '../statement/compile-only-kysely.ts'
import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'

/** A value that {@link collect} copies into its result. */
export type Plain = string | number | bigint | boolean | Date | null | undefined

/** Nested lists and records of queries and plain values; functions and promises become `never`. */
export type Shape<S> = S extends Queryable | Plain
  ? S
  : S extends ((...args: never[]) => unknown) | PromiseLike<unknown>
    ? never
    : { readonly [K in keyof S]: Shape<S[K]> }

/** The shape `S` with the result of each query in its place. */
export type Collected<S> = S extends Queryable
  ? ResultOf<S>
  : S extends Plain
    ? S
    : { -readonly [K in keyof S]: Collected<S[K]> }

/** The union of all queries in the shape `S`. */
export type QueriesIn<S> = S extends Queryable
  ? S
  : S extends Plain
    ? never
    : S extends readonly (infer Item)[]
      ? QueriesIn<Item>
      : QueriesIn<S[keyof S]>

/**
 * Nested lists and records with the result of each query in its place. Plain values are copied. All queries of the shape
 * are branches of one {@link all}, so their first statements share a flight.
 *
 * @example
 * ```ts
 * const page = collect({ title: 'Orders', user: accounts.byId(1), lists: { orders: orders.list() } })
 * const { title, user, lists } = await uow.read(page)
 * console.log(user.name) // Ann
 * console.log(lists.orders.length) // 2
 * ```
 *
 * @throws {UsageError} when the shape contains a function or a promise.
 */
export function collect<const S extends object>(
  shape: S & Shape<S>,
): Query<Collected<S>, AccessOf<QueriesIn<S>>> {
  const branches: Queryable[] = []
  const fill = gather(shape, branches)
  return all(branches).map(fill) as Query<never, never>
}

/** Adds the queries of the shape to `branches`; returns a function that fills the shape with their results. */
function gather(shape: unknown, branches: Queryable[]): (results: readonly unknown[]) => unknown {
  if (isQueryable(shape)) {
    const place = branches.push(shape) - 1
    return (results) => results[place]
  }
  if (Array.isArray(shape)) {
    const items = shape.map((item: unknown) => gather(item, branches))
    return (results) => items.map((fill) => fill(results))
  }
  if (isRecord(shape)) {
    const fields = Object.entries(shape as Readonly<Record<string, unknown>>).map(
      ([name, field]) => [name, gather(field, branches)] as const,
    )
    return (results) => Object.fromEntries(fields.map(([name, fill]) => [name, fill(results)]))
  }
  if (typeof shape === 'function' || (typeof shape === 'object' && shape !== null && 'then' in shape)) {
    const actual = typeof shape === 'function' ? 'a function: call it' : 'a promise'
    throw new UsageError(`collect: expected queries and plain values in lists and records, got ${actual}`)
  }
  return () => shape
}

function isQueryable(shape: unknown): shape is Queryable {
  if (typeof shape !== 'object' || shape === null) return false
  return shape instanceof Query || isCompilable(shape) || composedPlugins(shape as never) !== undefined
}
