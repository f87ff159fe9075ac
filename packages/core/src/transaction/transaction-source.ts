/** The source of transactions: the connections of a driver, one lease, or the one transaction of a sandbox. */
import type { Driver, TransactionOptions } from '../driver.ts'
import type { UnitIdentity } from '../errors/unit-identity.ts'
import type { UnitEvent } from '../events.ts'
import type { LeakDetection } from './leak-detection.ts'
import type { TransactionHandle } from './transaction.ts'

export interface OpenRequest {
  readonly event: UnitEvent
  readonly options: TransactionOptions
  readonly signal: AbortSignal | undefined
  readonly leaks: LeakDetection | undefined
}

/** A unit that asks for its turn. */
export interface Turn {
  readonly unit: UnitIdentity
  /** Whether it ends when its holder ends it, so that a unit behind it might wait forever. */
  readonly held: boolean
  /** Aborted when the unit is stopped, also while it waits for its turn. */
  readonly signal: AbortSignal | undefined
}

export interface LeaseRequest {
  /** The lease, in events. */
  readonly unit: UnitIdentity
  /** Its name in messages. */
  readonly name: string
  readonly signal: AbortSignal | undefined
  readonly leaks: LeakDetection | undefined
}

export interface TransactionSource {
  readonly driver: Driver
  /** Whether all units share one transaction. They then run one after the other, and are not retried. */
  readonly sandboxed: boolean
  /** Aborted when the source runs no further units, so that those that are held must end. */
  readonly ended?: AbortSignal | undefined
  /** Runs a unit in its turn. Throws a `UsageError` when it would wait for a unit that may not end. */
  turn<T>(work: () => Promise<T>, turn: Turn): Promise<T>
  open(request: OpenRequest): Promise<TransactionHandle>
  /** A source whose units share one connection. Rejects with an `AcquireError`. */
  lease(request: LeaseRequest): Promise<LeasedSource>
  close(): Promise<void>
}

/** The source of the units of one lease. */
export interface LeasedSource extends TransactionSource {
  /** See `HeldLease.native`. */
  native<T>(use: (connection: unknown) => Promise<T>): Promise<T>
  /**
   * Takes no further units, waits for those that run, calls `last` unless the connection is lost, and gives the connection
   * back. Never rejects: a connection on which `last` fails is closed.
   */
  end(last: (open: LeasedSource['open']) => Promise<void>): Promise<void>
}
