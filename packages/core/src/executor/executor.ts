/** The executor `q`, which the body of a unit receives. */
import { isCompilable } from 'kysely'
import { all, fail, type Results } from '../query/combinators.ts'
import { UsageError } from '../errors/errors.ts'
import type { Scheduler } from './scheduler.ts'
import {
  type Access,
  Query,
  type Queryable,
  type ResultOf,
  type RowsQueryable,
  toQuery,
} from '../query/query.ts'
import type { RowIn } from '../query/relation-types.ts'
import { RowStream } from './row-stream.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/**
 * Runs queries inside the unit: `await q(query)`. Those that are asked for together (`q.all`, `Promise.all`, several
 * tasks) share flights. Once one has failed the unit is doomed, whatever the body makes of the error: nothing more
 * is sent, and further calls reject with a `UsageError`; so they do after the body has ended.
 *
 * In a body of `read` it is an `Executor<'read'>`, which takes queries that only read.
 */
export interface Executor<in A extends Access = Access> {
  <const Q extends Queryable<A>>(query: Q): Promise<ResultOf<Q>>
  /** `q(all(queries))`. */
  all<const Q extends readonly Queryable<A>[] | Readonly<Record<string, Queryable<A>>>>(
    queries: Q,
  ): Promise<Results<Q>>
  /**
   * The rows of one statement as they arrive, for results that do not fit into memory. The stream occupies the connection:
   * until its loop has ended, the unit can run nothing else.
   */
  stream<const Q extends RowsQueryable<A>>(query: Q): RowStream<RowIn<ResultOf<Q>>>
  /** The number of this attempt at the unit, from 1. Higher numbers occur with the option `retry` only. */
  readonly attempt: number
}

/** Calls `body` with an executor. The executor refuses queries once the body has ended. */
export async function runBody<T>(
  body: (q: Executor) => Promise<T>,
  scheduler: Scheduler,
  unit: UnitIdentity,
  attempt: number,
): Promise<T> {
  let ended = false
  /** The reason why no query can run now. */
  const refusal = (): UsageError | undefined => {
    if (scheduler.failure !== undefined && !ended) {
      return new UsageError(
        `${nameOf(unit)} has failed (see cause) and will be rolled back: it takes no further queries`,
        { cause: scheduler.failure.error },
      )
    }
    if (!ended && !scheduler.streaming) return undefined
    const error = new UsageError(
      ended
        ? `q was used after the body of ${nameOf(unit)} had ended: await every query inside of it`
        : `q was used while the rows of a stream were on their way in ${nameOf(unit)}, on its only connection: take the ` +
            'rows first; or run a unit for each of them, in a loop over uow.stream that is no part of a unit',
    )
    scheduler.doom(error)
    return error
  }
  const run = (query: Query<unknown>): Promise<unknown> => {
    const error = refusal()
    if (error === undefined) return scheduler.start(query)
    const refused = Promise.reject(error)
    // The unit fails with its first failure, even if the body ignores this one.
    if (!ended) refused.catch(() => {})
    return refused
  }
  const stream = (query: Queryable): RowStream<unknown> =>
    new RowStream(() => {
      const error = refusal()
      if (error !== undefined) throw error
      return { batches: scheduler.stream(toQuery(query)), failure: () => scheduler.failure }
    })
  // A value that is no query fails the unit like any other failure.
  const made = (make: () => Query<unknown>): Query<unknown> => {
    try {
      return make()
    } catch (error) {
      return fail(error as Error)
    }
  }
  const q = (query: Queryable): Promise<unknown> => run(made(() => toQuery(query)))
  const executor = Object.assign(q, {
    all: (queries: readonly Queryable[]) => run(made(() => all(queries))),
    stream,
    attempt,
  })
  try {
    const value = await body(executor as Executor)
    if (value instanceof Query || isCompilable(value)) {
      throw new UsageError(
        `the body of ${nameOf(unit)} returned a query without running it: return q(query) instead`,
      )
    }
    if (isGenerator(value)) {
      throw new UsageError(
        `the body of ${nameOf(unit)} is a generator function, so none of it ran: wrap it in program, as in ` +
          'run(program(function* () { … }))',
      )
    }
    return value
  } finally {
    ended = true
  }
}

function isGenerator(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Generator]'
}
