import { isCompilable } from 'kysely'
import { all, isRecord } from './combinators.ts'
import { composedPlugins } from '../statement/compile-only-kysely.ts'
import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'

/** What stands for itself in a {@link Shape}. */
export type Plain = string | number | bigint | boolean | Date | null | undefined

/** Queries and plain values in lists and records, to any depth; `never` in the place of anything else. */
export type Shape<S> = S extends Queryable | Plain
  ? S
  : S extends ((...args: never[]) => unknown) | PromiseLike<unknown>
    ? never
    : { readonly [K in keyof S]: Shape<S[K]> }

/** A shape with the results in the places of its queries. */
export type Collected<S> = S extends Queryable
  ? ResultOf<S>
  : S extends Plain
    ? S
    : { -readonly [K in keyof S]: Collected<S[K]> }

/** All queries in a shape, as a union. */
export type QueriesIn<S> = S extends Queryable
  ? S
  : S extends Plain
    ? never
    : S extends readonly (infer Item)[]
      ? QueriesIn<Item>
      : QueriesIn<S[keyof S]>

/**
 * The answer of a use case, written down as it will look: `collect({ page, user: users.byId(1), lists: { open, done } })`
 * gives the same lists and records with the result of each query in its place. All queries are branches of one `all`.
 */
export function collect<const S extends object>(
  shape: S & Shape<S>,
): Query<Collected<S>, AccessOf<QueriesIn<S>>> {
  const branches: Queryable[] = []
  const fill = gather(shape, branches)
  return all(branches).map(fill) as Query<never, never>
}

/** Adds the queries of the shape to the branches; what it returns makes the shape of their results. */
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
