/** One attempt at a unit: runs the work and brings its transaction to an end, whatever happens. */
import type { Deadline } from './deadline.ts'
import { CommitUnknownError } from './errors.ts'
import { nameOf, type UnitAccess, type UnitEvent } from './events.ts'
import { Execution } from './execution.ts'
import type { ExplainedStatement } from './explanation.ts'
import { type Executor, runBody } from './executor.ts'
import { type Access, type Hook, type Queryable, toQuery } from './query.ts'
import type { Scope } from './transaction.ts'

export type Body<T, A extends Access = Access> = (q: Executor<A>) => Promise<T>

export type Work = Queryable | Body<unknown>

/** A body that is given more than `q`. */
export type InnerBody = (q: Executor, execution: Execution) => Promise<unknown>

/** Whose work is to stay when it has succeeded. */
const KEPT: ReadonlySet<UnitAccess> = new Set(['run', 'read'])

export interface UnitContext {
  readonly event: UnitEvent
  readonly open: () => Promise<Scope>
  readonly readOnly: boolean
  readonly deadline: Deadline | undefined
  readonly attempt: number
  /** Called instead of the body. */
  readonly inner: InnerBody | undefined
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

export async function runUnit(work: Work, context: UnitContext): Promise<Ended> {
  const { event, open, readOnly, deadline, attempt, inner } = context
  const plans: ExplainedStatement[] = []
  const execution = new Execution({
    open,
    whole: typeof work !== 'function',
    readOnly,
    ...(event.access === 'explain' ? { onPlan: (plan) => plans.push(plan) } : {}),
  })
  const stopped = deadline === undefined ? undefined : guard(deadline, execution, event)
  let value: unknown
  try {
    if (deadline?.signal.aborted === true) await stopped?.reached
    const working =
      typeof work === 'function'
        ? runBody(inner === undefined ? work : (q) => inner(q, execution), execution, event.unit, attempt)
        : execution.start(toQuery(work))
    // A body that goes on when its unit has been stopped fails unheard.
    working.catch(() => {})
    value = await (stopped === undefined ? working : Promise.race([stopped.reached, working]))
    await execution.settled()
    if (execution.failure !== undefined) throw execution.failure.error
    if (!KEPT.has(event.access)) {
      await execution.transaction?.rollback()
      return event.access === 'explain'
        ? { outcome: 'undone', value: plans, hooks: [] }
        : { outcome: 'undone', value, hooks: execution.hooks('rollback') }
    }
    await execution.transaction?.commit()
    return { outcome: 'committed', value, hooks: execution.hooks('commit') }
  } catch (error) {
    execution.doom(error)
    await execution.settled()
    await execution.transaction?.rollback()
    const [commit, rollback] = [execution.hooks('commit'), execution.hooks('rollback')]
    if (error instanceof CommitUnknownError)
      return { outcome: 'unknown', error, value, hooks: { commit, rollback } }
    return { outcome: 'rolled back', error, cause: execution.cause ?? error, hooks: rollback }
  } finally {
    stopped?.release()
  }
}

/** Stops the execution when the deadline is reached; `reached` then rejects. */
function guard(
  deadline: Deadline,
  execution: Execution,
  { unit }: UnitEvent,
): { readonly reached: Promise<never>; readonly release: () => void } {
  const { signal } = deadline
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const stop = (): void => {
    const error = deadline.error(nameOf(unit), execution.activity)
    execution.stop(error)
    reject(error)
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return { reached: promise, release: () => signal.removeEventListener('abort', stop) }
}
