/** The source of transactions: the connections of a driver, or the one transaction of a sandbox. */
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
  /** Whether all units share one transaction. They then run one after the other, and are not retried. */
  readonly sandboxed: boolean
  /** Runs a unit in its turn. */
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
