/** What the units of a unit of work run on: connections of a driver, or the transaction of a sandbox. */
import type { Driver, TransactionOptions } from '../driver.ts'
import type { UnitEvent } from '../events.ts'
import type { LeakDetection } from './leak-detection.ts'
import { Lease } from './lease.ts'
import { type TransactionHandle, Transaction } from './transaction.ts'

export interface OpenRequest {
  readonly event: UnitEvent
  readonly options: TransactionOptions
  readonly signal: AbortSignal | undefined
  readonly leaks: LeakDetection | undefined
}

export interface TransactionSource {
  readonly driver: Driver
  /** Whether there is but one transaction for all units: none can be run again, and none can be open beside another. */
  readonly sandboxed: boolean
  /** Runs a unit when its turn has come. */
  turn<T>(unit: () => Promise<T>): Promise<T>
  open(request: OpenRequest): Promise<TransactionHandle>
  close(): Promise<void>
}

/** Each unit has a connection of its own. */
export function leasing(driver: Driver): TransactionSource {
  return {
    driver,
    sandboxed: false,
    turn: (unit) => unit(),
    open: async ({ event, options, signal, leaks }) =>
      new Transaction(await Lease.acquire(driver, event.unit, { signal, leaks }), options, event),
    close: () => driver.close(),
  }
}
