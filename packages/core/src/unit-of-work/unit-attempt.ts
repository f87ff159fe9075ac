/** One attempt at a unit: runs the work and brings its transaction to an end, whatever happens. */
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

/** Whose work is to stay when it has succeeded. */
const KEPT: ReadonlySet<UnitAccess> = new Set(['run', 'read'])

export interface UnitContext {
  readonly event: UnitEvent
  readonly open: () => Promise<TransactionHandle>
  readonly readOnly: boolean
  readonly deadline: Deadline | undefined
  /** Milliseconds for the answer to COMMIT. */
  readonly commitTimeout: number
  readonly attempt: number
}

/** How an attempt ended, and the hooks to be called for it. */
export type Ended =
  | { readonly outcome: 'committed'; readonly value: unknown; readonly hooks: readonly Hook[] }
  /** It succeeded, and was rolled back because nothing of it was to stay. */
  | { readonly outcome: 'undone'; readonly value: unknown; readonly hooks: readonly Hook[] }
  | {
      readonly outcome: 'rolled back'
      readonly error: unknown
      /** What the failure goes back to, where the caller's code has put another in its place. */
      readonly cause: unknown
      /** Whether a statement of it may have committed by itself, as far as the answers that came tell. */
      readonly mayHaveCommitted: boolean
      readonly hooks: readonly Hook[]
    }
  | {
      readonly outcome: 'unknown'
      readonly error: CommitUnknownError
      /** For the case that it turns out to be committed. */
      readonly value: unknown
      /** For either case. */
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
    // A body that goes on when its unit has been stopped fails unheard.
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
    // One that the caller's code let out may be another unit's.
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
      // Nothing of it was to stay, which is no news.
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

/** Whether an error says that nothing is in the database: all of ours do but those by which that can't be known. */
function deniesDoubt(error: unknown): error is LeaseholdError {
  return error instanceof LeaseholdError && !(error instanceof ConnectionLostError) && !hasEnded(error)
}

interface Guard {
  /** Rejects when the deadline is reached, unless COMMIT is under way then. */
  readonly reached: Promise<never>
  /** What the unit is told to have failed with, in place of its statement's having been stopped. */
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
