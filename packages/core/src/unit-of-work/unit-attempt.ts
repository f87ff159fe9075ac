/** One attempt at a unit: runs the work, and always ends its transaction. */
import type { Deadline } from './deadline.ts'
import {
  CommitUnknownError,
  ConnectionLostError,
  type DeadlineError,
  LeaseholdError,
  StatementError,
} from '../errors/errors.ts'
import type { UnitAccess, UnitEvent } from '../events.ts'
import { Scheduler } from '../executor/scheduler.ts'
import { hasEnded } from '../transaction/flights.ts'
import type { ExplainedStatement } from '../transaction/explain.ts'
import { runBody } from '../executor/executor.ts'
import { type Hook, toQuery } from '../query/query.ts'
import type { TransactionHandle } from '../transaction/transaction.ts'
import type { Body, Job } from './job.ts'
import { nameOf } from '../errors/unit-identity.ts'

/** Kinds of unit that commit when they succeed. */
const KEPT: ReadonlySet<UnitAccess> = new Set(['run', 'read', 'begin'])

export interface UnitContext {
  readonly event: UnitEvent
  readonly open: () => Promise<TransactionHandle>
  readonly readOnly: boolean
  readonly deadline: Deadline | undefined
  /** Milliseconds for the answer to COMMIT. */
  readonly commitTimeout: number
  readonly attempt: number
}

/** The end of an attempt, and the hooks to run. */
export type Ended =
  | { readonly outcome: 'committed'; readonly value: unknown; readonly hooks: readonly Hook[] }
  /** The unit succeeded and was rolled back on purpose, as a sandbox is. */
  | { readonly outcome: 'undone'; readonly value: unknown; readonly hooks: readonly Hook[] }
  | {
      readonly outcome: 'rolled back'
      readonly error: unknown
      /** The original error, if the caller's code threw another one in its place. */
      readonly cause: unknown
      /** Whether a statement may have committed, without an answer that proves the contrary. */
      readonly mayHaveCommitted: boolean
      readonly hooks: readonly Hook[]
    }
  | {
      readonly outcome: 'unknown'
      readonly error: CommitUnknownError
      /** The result, if the unit turns out to be committed. */
      readonly value: unknown
      /** The hooks for either outcome. */
      readonly hooks: Readonly<Record<'commit' | 'rollback', readonly Hook[]>>
    }

export async function runUnit(job: Job, context: UnitContext): Promise<Ended> {
  const { event, open, readOnly, deadline, commitTimeout, attempt } = context
  const plans: ExplainedStatement[] = []
  const scheduler = new Scheduler({
    open,
    whole: job.type === 'query',
    readOnly,
    commitTimeout,
    ...(event.access === 'explain' ? { onPlan: (plan) => plans.push(plan) } : {}),
  })
  const stopped = deadline === undefined ? undefined : guard(deadline, scheduler, event)
  let value: unknown
  try {
    if (deadline?.signal.aborted === true) await stopped?.reached
    const working =
      job.type === 'query'
        ? scheduler.start(toQuery(job.query))
        : runBody(bodyOf(job, scheduler), scheduler, event.unit, attempt)
    // The failure of a body that goes on after its unit was stopped is not reported.
    working.catch(() => {})
    value = await (stopped === undefined ? working : Promise.race([stopped.reached, working]))
    await scheduler.settled()
    if (scheduler.failure !== undefined) throw scheduler.failure.error
    if (!KEPT.has(event.access)) {
      await scheduler.transaction?.rollback()
      return event.access === 'explain'
        ? { outcome: 'undone', value: plans, hooks: [] }
        : { outcome: 'undone', value, hooks: scheduler.hooks('rollback') }
    }
    await scheduler.transaction?.commit(commitTimeout)
    return { outcome: 'committed', value, hooks: scheduler.hooks('commit') }
  } catch (failure) {
    scheduler.doom(failure)
    await scheduler.settled()
    await scheduler.transaction?.rollback()
    const [commit, rollback] = [scheduler.hooks('commit'), scheduler.hooks('rollback')]
    const { transaction } = scheduler
    // The caller's code may have thrown another unit's error.
    if (failure instanceof CommitUnknownError && failure === transaction?.unknown) {
      return { outcome: 'unknown', error: failure, value, hooks: { commit, rollback } }
    }
    const { broken, mayHaveCommitted = false } = transaction?.integrity ?? {}
    const told = stopped?.told(failure) ?? failure
    const doubt = deniesDoubt(told) ? transaction?.integrity.doubtBehind(told) : undefined
    const error = broken ?? doubt ?? told
    return {
      outcome: 'rolled back',
      error,
      cause: broken ?? doubt ?? scheduler.cause ?? error,
      mayHaveCommitted,
      // An `explain` is always rolled back: its hooks would report nothing new.
      hooks: event.access === 'explain' ? [] : rollback,
    }
  } finally {
    stopped?.release()
  }
}

/** Called without `this`, and by its own name in stack traces. */
function bodyOf({ body }: Exclude<Job, { type: 'query' }>, scheduler: Scheduler): Body<unknown> {
  return (q) => body(q, scheduler)
}

/**
 * Whether an error implies that nothing was committed. Errors of lost connections and of transactions that the server ended do
 * not.
 */
function deniesDoubt(error: unknown): error is LeaseholdError {
  return error instanceof LeaseholdError && !(error instanceof ConnectionLostError) && !hasEnded(error)
}

interface Guard {
  /** Rejects when the deadline is reached, unless COMMIT is on its way. */
  readonly reached: Promise<never>
  /** The deadline's error, if `failure` is the interruption that the deadline caused. */
  told(failure: unknown): DeadlineError | undefined
  release(): void
}

/** Stops the scheduler when the deadline is reached. */
function guard(deadline: Deadline, scheduler: Scheduler, { unit }: UnitEvent): Guard {
  const { signal } = deadline
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  let error: DeadlineError | undefined
  const stop = (): void => {
    error = deadline.error(nameOf(unit), scheduler.activity)
    if (scheduler.stop(error)) reject(error)
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return {
    reached: promise,
    told: (failure) => (failure instanceof StatementError && failure.kind === 'killed' ? error : undefined),
    release: () => signal.removeEventListener('abort', stop),
  }
}
