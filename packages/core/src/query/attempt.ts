/** Surviving an expected failure. */
import { succeed } from './combinators.ts'
import { LeaseholdError, ResultError, StatementError, type StatementErrorKind } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf, toQuery } from './query.ts'

/** How an attempt ended. */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Kinds of error with which the server ends the whole transaction. */
const ENDING: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock'])

/** Whether the transaction is still there after the failure, so that its savepoint can be rolled back to. */
export function survivable(error: unknown): boolean {
  if (error instanceof StatementError) return !ENDING.has(error.kind)
  return error instanceof ResultError || !(error instanceof LeaseholdError)
}

/**
 * Runs a query behind a savepoint. A failure undoes the query alone and is given as a value. Of the hooks that were registered
 * in it those of `afterCommit` are dropped; those of `afterRollback` are called if the unit fails, too. What ends the whole
 * transaction still fails the unit: a deadlock or conflict, a lost connection, an implicit commit; and so does a `UsageError`.
 *
 * While an attempt is under way nothing else of the unit is sent, because rolling back to the savepoint would undo that
 * too. The savepoint travels in the first flight of the query; only a failure costs a round trip more.
 */
export function attempt<const Q extends Queryable>(query: Q): Query<Attempt<ResultOf<Q>>, AccessOf<Q>> {
  return new Query({ type: 'attempt', source: toQuery(query) })
}

/** An {@link attempt} that goes on with what `handler` makes of the failure. */
export function recover<const Q extends Queryable, const R extends Queryable>(
  query: Q,
  handler: (error: unknown) => R,
): Query<ResultOf<Q> | ResultOf<R>, AccessOf<Q> | AccessOf<R>> {
  return attempt(query).andThen((outcome) => {
    const next: Query<unknown> = outcome.ok ? succeed(outcome.value) : toQuery(handler(outcome.error))
    return next as Query<ResultOf<Q> | ResultOf<R>, AccessOf<R>>
  })
}
