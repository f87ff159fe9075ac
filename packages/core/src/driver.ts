/** The driver port: interfaces and their contract. `@leasehold/mysql` implements it. */
import type { Compilable } from 'kysely'
import type { LeaseholdError } from './errors/errors.ts'
import type { StatementResult } from './statement/statement-result.ts'
import type { ServerFacts } from './statement/server-facts.ts'
import type { Statement } from './statement/statement.ts'

export type IsolationLevel = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'
export type AccessMode = 'read only' | 'read write'

export interface TransactionOptions {
  /** Default: the server's setting. */
  readonly isolationLevel?: IsolationLevel | undefined
  /** In `read only`, the server refuses writes. Default: the server's setting. */
  readonly accessMode?: AccessMode | undefined
  /** Whether consistent reads see the state at BEGIN instead of that at the first read. Default: false. */
  readonly snapshot?: boolean | undefined
  /** Milliseconds for each statement (MySQL: each SELECT) on the server, from 1. Default: the server's setting. */
  readonly statementTimeout?: number | undefined
}

/**
 * A command to send. Sessions run with autocommit off, so any statement opens a transaction and a savepoint may come first.
 * `begin` serves to set options only; in an open transaction it would commit.
 */
export type Command =
  | { readonly type: 'begin'; readonly options: TransactionOptions }
  | StatementCommand
  /** `release` fails with the kind `unknown-name` if the transaction of the savepoint has ended. */
  | { readonly type: 'savepoint' | 'release' | 'rollback to'; readonly name: string }
  | { readonly type: 'commit' }
  | { readonly type: 'rollback' }

/**
 * - `statement`: executes it.
 * - `read`: executes it alone in its flight, in a read-only transaction that ends with it, also on failure.
 * - `explain`: gives the rows of the server's EXPLAIN, none for a statement without a plan. Does not execute it.
 * - `prepare`: fails if the server cannot prepare it. Statements that are not preparable count as valid.
 */
export interface StatementCommand {
  readonly type: 'statement' | 'read' | 'explain' | 'prepare'
  readonly statement: Statement
  readonly label: string | undefined
}

/**
 * Answer to a command: its result or its error. `undefined` means that it was not sent, because an earlier command of its
 * flight failed.
 *
 * - `StatementError`: the server refused it.
 * - `UsageError`: it cannot be sent.
 * - `ResultError`: a value of its rows has no JavaScript representation.
 */
export type Answer = StatementResult | LeaseholdError | undefined

/** Facts about a session with the server. */
export interface Session {
  /** The server's id of the session. */
  readonly id: number
  /** Whether a flight may hold more than one command. */
  readonly pipelining: boolean
  /** Whether the server has answered within the last second. If not, COMMIT does not share a flight with a write. */
  readonly proven: boolean
  /** Facts of the server; constant during a lease. */
  readonly server: ServerFacts
}

/** A session with the server. The holder of the lease owns it until `release` or `discard`. `Native`: see {@link Driver}. */
export interface Connection<Native = unknown> extends Session {
  /**
   * Writes the commands without waiting for each other, and resolves with their answers in order. After a failed command,
   * the server still executes those on the wire; the others are not sent. With several commands, calls `onLast` when only
   * the last answer is missing.
   *
   * One flight at a time. Rejects with a `ConnectionLostError` when the connection is spent.
   */
  fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]>

  /**
   * Sends one statement and yields its rows in batches, with backpressure. The commands of `ahead` precede it, in the same
   * flight if the connection pipelines. Throws the first error of their answers, or the rejection of `fly`. If the consumer
   * leaves the loop early, the server stops the statement; afterwards the connection is usable or spent. Calls `onEnd` with
   * the result, without rows, if the statement succeeded, whether or not the consumer took all rows.
   */
  stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd?: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined>

  /**
   * Stops the statements of the current flight or stream on the server; does nothing without one. The flight still ends by
   * itself: with answers, among them errors of the kind `killed`, or with a `ConnectionLostError` after the driver's time
   * limit.
   */
  interrupt(): void

  /**
   * Begins the next transaction of a lease that has several. It finds the session as the first one did, apart from variables,
   * temporary tables and named locks. `open` is that of `release`.
   */
  renew(transaction?: 'open'): void

  /**
   * Lends the driver's own connection until `use` settles, and settles likewise. Rejects with a `UsageError` if `use` has left a
   * transaction open; it is then rolled back. Absent if the driver lends none.
   */
  native?<T>(use: (connection: Native) => Promise<T>): Promise<T>

  /**
   * Ends the lease of a usable connection; call either this or `discard`, once. `open` leaves a read-only transaction for
   * the driver to end before the next command; the caller does not wait for that.
   */
  release(transaction?: 'open'): void

  /**
   * Ends the lease of a connection that must not be used again. Its current flight rejects at once. The server stops its
   * statement, which frees its locks.
   */
  discard(reason: Error): void
}

/** Numbers of connections by state, and totals since the driver was created. */
export interface DriverStats {
  readonly open: number
  readonly idle: number
  readonly leased: number
  /** Connections in a reset or a check. */
  readonly busy: number
  readonly connecting: number
  /** Units that wait for a lease. */
  readonly waiting: number
  /** Total of opened connections. */
  readonly created: number
  /** Totals of closed connections, by reason. */
  readonly discarded: Readonly<Record<string, number>>
}

/** Statements for the outcome keys (idempotency keys) of committed units; the driver documents their table. */
export interface OutcomeLedger {
  /** Inserts a key; fails with the kind `duplicate-key` if it exists. */
  record(key: string): Compilable
  /** Selects the row of a key with a lock, which waits for a unit that is just committing. */
  find(key: string): Compilable
}

/** Statements for named locks. A lock belongs to a session, and ends with it at the latest. */
export interface NamedLocks {
  /** Selects `granted`: 1, or 0 after that many seconds. A session can be given a lock several times. */
  take(name: string, seconds: number): Compilable
  /** Selects `released`: 1 if the session had the lock. */
  release(name: string): Compilable
  /** Selects `holder`: the id of the session that has the lock, or null. */
  holder(name: string): Compilable
}

/** `Native`: the connection of the library below, which `lease.native` lends. */
export interface Driver<Native = unknown> {
  /** The driver's `LeaseholdError` class, by which core detects a second copy of itself. Not checked if absent. */
  readonly '~core'?: unknown
  readonly outcomes: OutcomeLedger
  readonly locks: NamedLocks

  /**
   * Leases a connection, first come, first served. Rejects with an `AcquireError` after the driver's time limit, or as soon
   * as `signal` is aborted. A connection that arrives too late returns to the driver.
   */
  acquire(signal?: AbortSignal): Promise<Connection<Native>>

  stats(): DriverStats

  /** Refuses new leases and waits for current ones, at most for the driver's time limit. Idempotent. */
  close(): Promise<void>
}
