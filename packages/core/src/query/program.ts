import { UsageError } from '../errors/errors.ts'
import { type AccessOf, Query, type Queryable } from './query.ts'

/**
 * A query of dependent steps in ordinary control flow: `yield*` runs a query and gives its result, `return`
 * gives the program's. Still a value: `body` is started anew each time the program is run, so it must do
 * nothing outside the database but compute. A failed step is thrown at its `yield*`, where `finally` and
 * translating the error work as ever; the unit is doomed all the same.
 */
export function program<T, Y extends Queryable = Queryable>(
  body: () => Generator<Y, T>,
): Query<T, AccessOf<Y>> {
  if (typeof body !== 'function') {
    throw new UsageError('program: expected a generator function, as in program(function* () { … })')
  }
  return new Query({ type: 'program', body })
}
