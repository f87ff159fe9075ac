/** What the units of a unit of work run on: connections of a driver, or the transaction of a sandbox. */
import type { Driver, TransactionOptions } from './driver.ts'
import { UsageError } from './errors.ts'
import type { UnitEvent } from './events.ts'
import type { Execution } from './execution.ts'
import type { LeakWatch } from './leak.ts'
import { Lease } from './lease.ts'
import { SavepointScope } from './savepoint-scope.ts'
import { type Scope, Transaction } from './transaction.ts'

export interface OpenRequest {
  readonly event: UnitEvent
  readonly options: TransactionOptions
  readonly signal: AbortSignal | undefined
  readonly leaks: LeakWatch | undefined
}

export interface Host {
  readonly driver: Driver
  /** Whether there is but one transaction for all units: none can be run again, and none can be open beside another. */
  readonly sandboxed: boolean
  /** Runs a unit when its turn has come. */
  turn<T>(unit: () => Promise<T>): Promise<T>
  open(request: OpenRequest): Promise<Scope>
  close(): Promise<void>
}

/** Each unit has a connection of its own. */
export function leasing(driver: Driver): Host {
  return {
    driver,
    sandboxed: false,
    turn: (unit) => unit(),
    open: async ({ event, options, signal, leaks }) =>
      new Transaction(await Lease.acquire(driver, event.unit, { signal, leaks }), options, event),
    close: () => driver.close(),
  }
}

/** Units one after the other, each behind a savepoint of one transaction, which is rolled back in the end. */
export class Sandbox implements Host {
  readonly driver: Driver
  readonly sandboxed = true
  readonly #execution: Execution
  #ended = false

  constructor(driver: Driver, execution: Execution) {
    this.driver = driver
    this.#execution = execution
  }

  /** Refuses further units. */
  end(): void {
    this.#ended = true
  }

  async turn<T>(unit: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new UsageError('the sandbox has ended: await every unit inside of it')
    if (this.#execution.streaming) {
      throw new UsageError(
        'a unit of a sandbox was run while the rows of its q.stream were on their way: take them first',
      )
    }
    return this.#execution.exclusively(async () => {
      const { failure } = this.#execution
      if (failure === undefined) return unit()
      throw new UsageError('nothing more is run in the sandbox, because of the failure that is the cause', {
        cause: failure.error,
      })
    })
  }

  async open({ event }: OpenRequest): Promise<Scope> {
    return new SavepointScope(await this.#execution.open(), this.#execution, event)
  }

  /** The sandbox ends by itself. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
