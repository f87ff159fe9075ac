/** The source of transactions on the connections of a driver. */
import type { Driver } from '../driver.ts'
import { Lease } from './lease.ts'
import { SharedLease } from './shared-lease.ts'
import type { TransactionSource } from './transaction-source.ts'
import { Transaction } from './transaction.ts'

/** Each unit has a connection of its own. */
export function leasing(driver: Driver): TransactionSource {
  return {
    driver,
    sandboxed: false,
    turn: (work) => work(),
    open: async ({ event, options, signal, leaks }) =>
      new Transaction(await Lease.acquire(driver, event.unit, { signal, leaks }), options, event),
    lease: async ({ unit, name, signal, leaks }) =>
      new SharedLease(driver, await Lease.acquire(driver, unit, { signal, leaks }), name),
    close: () => driver.close(),
  }
}
