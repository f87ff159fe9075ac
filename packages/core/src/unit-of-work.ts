/**
 * Units of work. The word means identity map and change tracking elsewhere; here it means that a query or a body
 * runs on one lease in one transaction, and that the connection comes back whatever happens.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Driver, TransactionOptions } from './driver.ts'
import { CommitUnknownError, UsageError } from './errors.ts'
import { traceUnit, type UnitEvent, type UnitIdentity } from './events.ts'
import { Execution } from './execution.ts'
import { type Executor, runBody } from './executor.ts'
import { Lease } from './lease.ts'
import { type Hook, Query, type Queryable, type ResultOf, toQuery } from './query.ts'
import { Transaction } from './transaction.ts'

export type Body<T> = (q: Executor) => Promise<T>

export interface ReadOptions extends Omit<TransactionOptions, 'accessMode'> {
  /** Name of the unit in events and errors: the query's own unless given, or that of the body's function. */
  readonly label?: string
}

export interface RunOptions extends ReadOptions, TransactionOptions {}

export interface UnitOfWorkOptions {
  readonly driver: Driver
  /** Told what `afterCommit` and `afterRollback` hooks throw; a process warning unless given. */
  readonly onHookError?: (error: unknown, unit: UnitIdentity) => void
}

export interface UnitOfWork {
  /**
   * Runs a query, or a body that runs queries, in one transaction, commits it and gives the result. A failure rolls
   * everything back and comes out: the body's own error as the same object, else the first failure.
   *
   * Rejects with an `AcquireError` (nothing ran), a `StatementError`, a `ResultError`, a `ConnectionLostError` (nothing
   * of it is in the database), a `CommitUnknownError`, a `UsageError`, or with what the caller's own code threw.
   */
  run<T>(body: Body<T>, options?: RunOptions): Promise<T>
  run<const Q extends Queryable>(query: Q, options?: RunOptions): Promise<ResultOf<Q>>

  /** The same in a read-only transaction: the server refuses writes and locking reads. */
  read<T>(body: Body<T>, options?: ReadOptions): Promise<T>
  read<const Q extends Queryable>(query: Q, options?: ReadOptions): Promise<ResultOf<Q>>

  /** Refuses further units, waits for those that run as long as the driver allows, and closes all connections. */
  close(): Promise<void>
}

let units = 0

export function createUnitOfWork({ driver, onHookError = warn }: UnitOfWorkOptions): UnitOfWork {
  const current = new AsyncLocalStorage<{ open: boolean }>()

  function run(
    work: Queryable | Body<unknown>,
    options: RunOptions,
    access: UnitEvent['access'],
  ): Promise<unknown> {
    const { label = labelOf(work), ...transactionOptions } = options
    const unit: UnitIdentity = { id: ++units, label }
    const event: UnitEvent = { unit, access, flights: 0 }
    return traceUnit(event, async () => {
      if (current.getStore()?.open === true) throw nested()
      const execution = new Execution({
        open: async () => new Transaction(await Lease.acquire(driver, unit), transactionOptions, event),
        whole: typeof work !== 'function',
        readOnly: options.accessMode === 'read only',
      })
      const scope = { open: true }
      try {
        return await current.run(scope, () => transact(work, execution, event))
      } finally {
        scope.open = false
        if (event.outcome === 'committed') await callHooks(execution.hooks('commit'), unit)
        if (event.outcome === 'rolled back') await callHooks(execution.hooks('rollback'), unit)
      }
    })
  }

  async function callHooks(hooks: readonly Hook[], unit: UnitIdentity): Promise<void> {
    for (const hook of hooks) {
      try {
        await hook()
      } catch (error) {
        report(error, unit)
      }
    }
  }

  function report(error: unknown, unit: UnitIdentity): void {
    try {
      onHookError(error, unit)
    } catch (another) {
      warn(error, unit)
      warn(another, unit)
    }
  }

  return Object.freeze({
    run: (work: Queryable | Body<unknown>, options: RunOptions = {}) => run(work, options, 'run'),
    read: (work: Queryable | Body<unknown>, options: ReadOptions = {}) =>
      run(work, { ...options, accessMode: 'read only' }, 'read'),
    close: () => driver.close(),
  }) as UnitOfWork
}

async function transact(
  work: Queryable | Body<unknown>,
  execution: Execution,
  event: UnitEvent,
): Promise<unknown> {
  try {
    const value = await (typeof work === 'function'
      ? runBody(work, execution, event.unit)
      : execution.start(toQuery(work)))
    await execution.settled()
    if (execution.failure !== undefined) throw execution.failure.error
    await execution.transaction?.commit()
    event.outcome = 'committed'
    return value
  } catch (error) {
    execution.doom(error)
    await execution.settled()
    await execution.transaction?.rollback()
    event.outcome = error instanceof CommitUnknownError ? 'unknown' : 'rolled back'
    throw error
  }
}

function labelOf(work: Queryable | Body<unknown>): string | undefined {
  if (typeof work === 'function') return work.name === '' ? undefined : work.name
  let plan = work instanceof Query ? work['~plan'] : undefined
  while (plan?.type === 'map' || plan?.type === 'then') plan = plan.source['~plan']
  return plan?.type === 'label' ? plan.label : undefined
}

function nested(): UsageError {
  return new UsageError(
    'run was called inside a unit of the same unit of work: it would wait for a second connection while the first is ' +
      'held, and its work would be outside of the transaction; pass the query to q, yield* it, or run it after the unit',
  )
}

function warn(error: unknown, { id, label }: UnitIdentity): void {
  const detail = error instanceof Error ? error.stack : String(error)
  process.emitWarning(
    `a hook of unit ${id}${label === undefined ? '' : ` (${label})`} failed; the unit stands`,
    {
      type: 'LeaseholdHookWarning',
      ...(detail === undefined ? {} : { detail }),
    },
  )
}
