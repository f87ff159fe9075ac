/** Repeats the attempts at a unit. */
import { AcquireError } from '../errors/errors.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'
import type { Deadline } from './deadline.ts'
import type { RetryPolicy, RetryBudget } from './retry-policy.ts'
import type { Ended } from './unit-attempt.ts'

type RolledBack = Extract<Ended, { outcome: 'rolled back' }>
type Failed = Extract<Ended, { error: unknown }>
export type Unknown = Extract<Ended, { outcome: 'unknown' }>

export interface Repetition {
  readonly unit: UnitIdentity
  readonly policy: RetryPolicy | undefined
  readonly budget: RetryBudget
  readonly deadline: Deadline | undefined
  /** Looks an unknown outcome up, if the unit has a key. */
  readonly settle: (ended: Unknown) => Promise<Ended>
}

/** Makes attempts until one succeeds, or the policy, the budget or the deadline forbids another. */
export async function repeatAttempts(
  attempt: (number: number) => Promise<Ended>,
  { unit, policy, budget, deadline, settle }: Repetition,
): Promise<Ended> {
  budget.earn()
  let before: RolledBack | undefined
  for (let number = 1; ; number++) {
    const end = await attempt(number)
    const settled = end.outcome === 'unknown' ? await settle(end) : end
    if (settled.outcome === 'committed' || settled.outcome === 'undone') return settled
    const ended = before === undefined ? settled : moreTelling(before, settled)
    if (settled.outcome === 'unknown' || ended.outcome === 'unknown') return ended
    const again = policy?.allows(settled, number) === true
    if (!again || deadline?.signal.aborted === true || !budget.spend()) return ended
    before = ended
    try {
      await policy.wait(number + 1, deadline?.signal)
    } catch (error) {
      if (ended.mayHaveCommitted) return ended
      const stopped = deadline?.reached === true
      return { ...ended, error: stopped ? deadline.error(nameOf(unit), 'it waited to be run again') : error }
    }
  }
}

/** The last failed attempt or the one before it, whichever says more about the rows in the database. */
function moreTelling<E extends Failed>(before: RolledBack, ended: E): RolledBack | E {
  if (ended.outcome === 'unknown') return ended
  // If the retry gets no connection, the failure that caused the retry says more.
  const tellsLess = ended.error instanceof AcquireError && ended.error.unit === undefined
  // The earlier attempt may have committed changes, which the error of a later one would deny.
  return before.mayHaveCommitted || tellsLess ? { ...before, hooks: ended.hooks } : ended
}
