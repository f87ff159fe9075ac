import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable } from './query.ts'

/**
 * A query of dependent steps in ordinary control flow. In `body`, `yield*` runs a query and evaluates to its result;
 * `return` gives the result of the program.
 *
 * A program is a value: each run, and each retry, calls `body` again, so `body` must have no effects outside of the
 * database. A failed step is thrown at its `yield*`. The body may clean up or throw another error there, but the unit is
 * rolled back even if the body catches it; {@link attempt} makes a failure survivable.
 *
 * @example
 * ```ts
 * const pay = program(function* () {
 *   const { cents } = yield* accounts.byId(1)
 *   if (cents < 300) return 'too poor'
 *   yield* accounts.patch(1, { cents: cents - 300 })
 *   return 'paid'
 * })
 * await uow.run(pay) // 'paid'
 * ```
 *
 * @throws {UsageError} when `body` is not a function.
 */
export function program<T, Y extends Queryable = Queryable>(
  body: () => Generator<Y, T>,
): Query<T, AccessOf<Y>> {
  if (typeof body !== 'function') {
    throw new UsageError('program: expected a generator function, as in program(function* () { … })')
  }
  return new Query({ type: 'program', body })
}
