/** One attempt at a unit: runs the work and brings its transaction to an end, whatever happens. */
import type { Deadline } from './deadline.ts'
import type { Driver, TransactionOptions } from './driver.ts'
import { CommitUnknownError } from './errors.ts'
import { nameOf, type UnitEvent } from './events.ts'
import { Execution } from './execution.ts'
import { type Executor, runBody } from './executor.ts'
import { Lease } from './lease.ts'
import { type Hook, type Query, type Queryable, toQuery } from './query.ts'
import { Transaction } from './transaction.ts'

export type Body<T> = (q: Executor) => Promise<T>

export type Work = Queryable | Body<unknown>

export interface UnitContext {
  readonly driver: Driver
  readonly event: UnitEvent
  readonly options: TransactionOptions
  readonly deadline: Deadline | undefined
  readonly attempt: number
}

/** How an attempt ended. `cause` is what the failure goes back to, where the caller's code has put another in its place. */
export type Ended = { readonly hooks: readonly Hook[] } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown; readonly cause: unknown }
)

export async function runUnit(work: Work, context: UnitContext): Promise<Ended> {
  const { driver, event, options, deadline, attempt } = context
  const execution = new Execution({
    open: async () => new Transaction(await Lease.acquire(driver, event.unit, deadline?.signal), options, event),
    whole: typeof work !== 'function',
    readOnly: options.accessMode === 'read only',
  })
  const start = (): Promise<unknown> =>
    typeof work === 'function' ? runBody(work, execution, event.unit, attempt) : execution.start(toQuery(work))
  try {
    const value = await (deadline === undefined ? start() : stoppedBy(deadline, execution, event, start))
    await execution.settled()
    if (execution.failure !== undefined) throw execution.failure.error
    await execution.transaction?.commit()
    event.outcome = 'committed'
    return { ok: true, value, hooks: execution.hooks('commit') }
  } catch (error) {
    execution.doom(error)
    await execution.settled()
    await execution.transaction?.rollback()
    const unknown = error instanceof CommitUnknownError
    event.outcome = unknown ? 'unknown' : 'rolled back'
    return { ok: false, error, cause: execution.cause ?? error, hooks: unknown ? [] : execution.hooks('rollback') }
  }
}
