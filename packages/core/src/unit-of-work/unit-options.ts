/** The options of a unit of work, of its units and leases. */
import type { Driver, TransactionOptions } from '../driver.ts'
import type { DeadlineOptions } from './deadline.ts'
import type { RetryOptions } from './retry-policy.ts'
import type { HookErrorHandler } from './run-hooks.ts'

export interface ReadOptions extends Omit<TransactionOptions, 'accessMode'>, DeadlineOptions {
  /** Name of the unit in events and errors. Default: the label of the query, or the name of the body's function. */
  readonly label?: string | undefined
  /**
   * Whether the unit runs again, as a whole, after a deadlock, a conflict, or the loss of the connection before COMMIT.
   * Default: on for queries, which have no outside effects; off for bodies, which may. A unit with raw SQL that may have
   * committed, such as a CALL, runs again only if this option is set.
   */
  readonly retry?: boolean | RetryOptions | undefined
}

/** Options of `stream`. There is no `retry`, because rows that were handed out cannot be taken back. */
export type StreamOptions = Omit<ReadOptions, 'retry'>

export interface RunOptions extends ReadOptions, TransactionOptions {
  /**
   * Idempotency key, written in the unit's transaction. It settles an unknown outcome, so that the unit can run again without
   * happening twice. A key that was committed before is an `AlreadyCommittedError`. Keys are 1 to 1 020 bytes of well-formed
   * UTF-8, compared byte by byte; others are a `UsageError`, and so is a missing or outdated table of keys. Default: none.
   */
  readonly outcomeKey?: string | undefined
  /**
   * Milliseconds for the answer to COMMIT, whatever the unit's deadline. They count from the answers to all statements before
   * it. Afterwards the connection is given up, and the outcome is unknown. Once all other answers have arrived, a deadline
   * no longer stops the unit. Default: 30 000.
   */
  readonly commitTimeout?: number | undefined
}

/** Options that a unit of work gives to its units. An option of a unit takes the place of a default. */
export interface UnitDefaults
  extends
    Omit<TransactionOptions, 'accessMode'>,
    DeadlineOptions,
    Pick<RunOptions, 'commitTimeout' | 'label' | 'retry'> {
  /** Names and values for events, as `unit.tags`, such as the id of a request. Nested tags are merged. Default: none. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

export interface UnitOfWorkOptions<Native = unknown> {
  /** Leases the connections, as `mysqlDriver` makes it. */
  readonly driver: Driver<Native>
  /** Options of all units, unless their own or those of {@link UnitOfWork.with} differ. Default: none. */
  readonly defaults?: UnitDefaults | undefined
  /**
   * Leak detection: after this many milliseconds, a held connection emits a process warning that shows where `run` was called.
   * Default: off.
   */
  readonly leakAfter?: number | undefined
  /**
   * Whether queries that a unit built and never ran emit a process warning that shows where they were built. It finds a
   * forgotten `yield*` or `q`. Default: on, unless NODE_ENV is `production`.
   */
  readonly warnUnused?: boolean | undefined
  /** Receives errors of `afterCommit` and `afterRollback` hooks. Default: a process warning. */
  readonly onHookError?: HookErrorHandler | undefined
}

/** Options of `begin`. There is no `retry`, because Leasehold cannot repeat the code that holds the unit. */
export type BeginOptions = Omit<RunOptions, 'outcomeKey' | 'retry'>

export interface LeaseOptions {
  /** Name of the lease in events and errors. Default: none. */
  readonly label?: string | undefined
  /** Ends the wait for the connection, and stops every unit of the lease, when it is aborted. Default: none. */
  readonly signal?: AbortSignal | undefined
}

export interface LockOptions {
  /** Milliseconds to wait for the lock; the servers count whole seconds, so they are rounded up. Default: 0. */
  readonly wait?: number | undefined
}
