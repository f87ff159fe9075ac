/** Work outside of the database that follows the end of a unit: mails, messages, caches. */
import { assertFunction } from '../options/check-options.ts'
import { type Hook, Query } from './query.ts'

/**
 * Registers `hook`, which the unit calls after it has committed and released its connection. Hooks run in the order of
 * registration, one after the other, and `run` waits for them.
 *
 * An error that a hook throws goes to `onHookError` (default: a process warning) and does not change the unit's outcome.
 *
 * @example
 * ```ts
 * const open = program(function* () {
 *   const id = yield* accounts.insert({ name: 'Eve', cents: 0 })
 *   yield* afterCommit(() => console.log(`account ${id} is open`))
 *   return id
 * })
 * await uow.run(open) // 3
 * ```
 */
export function afterCommit(hook: Hook): Query<void, 'read'> {
  assertFunction('afterCommit', hook, 'afterCommit(() => …)')
  return new Query({ type: 'hook', on: 'commit', hook })
}

/**
 * Registers `hook`, which is called after the unit was rolled back; of a unit that was run again, only hooks of the last
 * attempt are called. See {@link afterCommit} for order and errors.
 *
 * Hooks of neither kind are called when the outcome of COMMIT stays unknown (see `outcomeKey`).
 *
 * @example
 * ```ts
 * const open = program(function* () {
 *   yield* afterRollback(() => console.log('no account was opened'))
 *   return yield* accounts.insert({ name: 'Ann', cents: 0 })
 * })
 * await uow.run(open) // throws StatementError
 * ```
 */
export function afterRollback(hook: Hook): Query<void, 'read'> {
  assertFunction('afterRollback', hook, 'afterRollback(() => …)')
  return new Query({ type: 'hook', on: 'rollback', hook })
}
