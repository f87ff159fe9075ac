/** Queries behind a savepoint, whose failure is a value. */
import { succeed } from './combinators.ts'
import { LeaseholdError, ResultError, StatementError, type StatementErrorKind } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable, type ResultOf, toQuery } from './query.ts'

/** How an attempt ended: `value` is the query's result, `error` is the failure that was rolled back. */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Kinds of error with which the server rolls the whole transaction back, savepoints included. */
const ENDING: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock'])

/** Whether the transaction and its savepoints still exist after the failure. */
export function survivable(error: unknown): boolean {
  if (error instanceof StatementError) return !ENDING.has(error.kind)
  return error instanceof ResultError || !(error instanceof LeaseholdError)
}

/**
 * Runs a query behind a savepoint. A failure rolls back the query alone and becomes the result, as `{ ok: false, error }`.
 *
 * These failures still fail the unit: a deadlock or conflict, a lost connection, an implicit commit, and a `UsageError`.
 * A failed attempt drops the `afterCommit` hooks that the query registered. It keeps its `afterRollback` hooks, which are
 * called if the unit fails, too.
 *
 * The unit sends no other statement during an attempt, because the rollback to the savepoint would undo it. The savepoint
 * shares the first flight of the query; only a failure costs an additional round trip.
 *
 * @example
 * ```ts
 * const add = accounts.insert({ name: 'Ann', cents: 0 })
 * const outcome = await uow.run(attempt(add))
 * console.log(outcome.ok ? 'added' : 'name taken') // name taken
 * ```
 *
 * @throws {UsageError} when `query` is neither a query nor a builder of `mysqlBuilder`.
 */
export function attempt<const Q extends Queryable>(query: Q): Query<Attempt<ResultOf<Q>>, AccessOf<Q>> {
  return new Query({ type: 'attempt', source: toQuery(query) })
}

/**
 * An {@link attempt} with a fallback: after a failure, the query continues with the one that `handler` returns.
 *
 * `handler` receives the failure. It runs only after a failure that an attempt survives. An error that it throws, or a
 * `fail` that it returns, fails the unit.
 *
 * @example
 * ```ts
 * const add = accounts.insert({ name: 'Ann', cents: 0 })
 * const addOrSkip = recover(add, (error) => {
 *   if (error instanceof StatementError && error.kind === 'duplicate-key') return succeed('skipped')
 *   throw error
 * })
 * await uow.run(addOrSkip) // 'skipped'
 * ```
 *
 * @throws {UsageError} when `query` is neither a query nor a builder of `mysqlBuilder`.
 */
export function recover<const Q extends Queryable, const R extends Queryable>(
  query: Q,
  handler: (error: unknown) => R,
): Query<ResultOf<Q> | ResultOf<R>, AccessOf<Q> | AccessOf<R>> {
  return attempt(query).andThen((outcome) => {
    const next: Query<unknown> = outcome.ok ? succeed(outcome.value) : toQuery(handler(outcome.error))
    return next as Query<ResultOf<Q> | ResultOf<R>, AccessOf<R>>
  })
}
