/**
 * Settling unknown outcomes: a key that the unit writes beside its work is there afterwards if, and only if, the unit was
 * committed.
 */
import type { Driver } from './driver.ts'
import { AlreadyCommittedError, StatementError } from './errors.ts'
import { all } from './combine.ts'
import { affected, maybeOne } from './shapes.ts'
import type { Query } from './query.ts'
import type { Work } from './unit.ts'

const LABEL = 'leasehold.outcome'

/** The work, with the key written first; it travels with the work's own first statements. */
export function withOutcome(work: Work, key: string, driver: Driver): Work {
  const record = affected(driver.outcomes.record(key)).named(LABEL)
  if (typeof work !== 'function') return all([record, work]).map(([, value]) => value)
  return async (q) => {
    const recorded = q(record)
    const value = await work(q)
    await recorded
    return value
  }
}

/** Whether the key is there. Waits for a unit with it whose end the server has not seen yet. */
export function outcomeOf(key: string, driver: Driver): Query<boolean> {
  return maybeOne(driver.outcomes.find(key))
    .map((row) => row !== undefined)
    .named(LABEL)
}

/** The failure of a unit whose key was there already, told as what it means; any other as it is. */
export function explained(error: unknown, key: string): unknown {
  if (!(error instanceof StatementError) || error.label !== LABEL || error.kind !== 'duplicate-key')
    return error
  return new AlreadyCommittedError(
    `a unit with the outcomeKey ${JSON.stringify(key)} has been committed before; nothing of this one remains`,
    { cause: error },
  )
}
