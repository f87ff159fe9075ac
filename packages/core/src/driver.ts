/**
 * The port between the units and a database driver: interfaces and their contract, no code. `@leasehold/mysql`
 * implements it.
 */
import type { Compilable } from 'kysely'
import type { LeaseholdError } from './errors/errors.ts'
import type { StatementResult } from './statement/statement-result.ts'
import type { ServerFacts } from './statement/server-facts.ts'
import type { Statement } from './statement/statement.ts'

export type IsolationLevel = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'
export type AccessMode = 'read only' | 'read write'

export interface TransactionOptions {
  /** The server's setting unless given. */
  readonly isolationLevel?: IsolationLevel | undefined
  /** The server refuses writes in `read only`. */
  readonly accessMode?: AccessMode | undefined
  /** Takes the snapshot that consistent reads see at the beginning, not at the first read. */
  readonly snapshot?: boolean | undefined
  /** Milliseconds that the server gives to each statement (on MySQL, to each SELECT). */
  readonly statementTimeout?: number | undefined
}

/**
 * One thing to send. Sessions run with autocommit off, so that any statement opens a transaction, and a savepoint can
 * be set before one is open: `begin` is there for options alone, since in the middle of a transaction it commits.
 */
export type Command =
  | { readonly type: 'begin'; readonly options: TransactionOptions }
  | StatementCommand
  /** `release` is refused as `unknown-name` where the transaction that had the savepoint has ended. */
  | { readonly type: 'savepoint' | 'release' | 'rollback to'; readonly name: string }
  | { readonly type: 'commit' }
  | { readonly type: 'rollback' }

/**
 * - `statement`: it is run.
 * - `read`: it reads, alone in its flight, in a read-only transaction that ends with it, whatever comes of it.
 * - `explain`: how the server would run it, in rows of its own; none for what has no plan. It is not run.
 * - `prepare`: whether the server could run it, whatever its values: an error if not. What it can't prepare passes.
 */
export interface StatementCommand {
  readonly type: 'statement' | 'read' | 'explain' | 'prepare'
  readonly statement: Statement
  readonly label: string | undefined
}

/**
 * What became of a command: its result, or the error it failed with (a `StatementError`: the server refused it; a
 * `UsageError`: it can't be sent; a `ResultError`: its rows can't be represented). `undefined`: it was not sent,
 * because an earlier one of its flight had failed.
 */
export type Answer = StatementResult | LeaseholdError | undefined

/** Facts about a session with the server. */
export interface Session {
  /** The server's id of the session. */
  readonly id: number
  /** Whether a flight may hold more than one command. */
  readonly pipelining: boolean
  /** Whether the server has answered within the last second; where not, COMMIT does not travel along with a write. */
  readonly proven: boolean
  /** What the server behind it can do; the same for as long as it is leased. */
  readonly server: ServerFacts
}

/** One session with the server, owned by whoever leased it. */
export interface Connection extends Session {
  /**
   * Writes the commands without waiting and gives their answers in order, after the last has come. What is on the
   * wire behind a command that fails is carried out by the server all the same; what is not yet is not sent. `onLast` is
   * called once all answers of several have come but the last.
   *
   * Rejects with a `ConnectionLostError` when the connection is spent. One flight at a time.
   */
  fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]>

  /**
   * Sends one statement and gives its rows in batches, as they come and no faster than they are taken. Throws what `fly`
   * answers, or rejects with. Whoever ends it early has the server stop; the connection is sound, or spent, afterwards.
   * Other commands may go `ahead` of it, where they may travel together; one that fails is thrown instead of rows.
   * Calls `onEnd` with the result if the statement ended well, whether or not all of its rows were taken.
   */
  stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd?: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined>

  /**
   * Has the server stop the statements of the flight or stream on its way, which still ends by itself: with answers,
   * among them errors of the kind `killed`; or with a `ConnectionLostError`, if they don't come within the driver's limit.
   * Does nothing when nothing is on its way.
   */
  interrupt(): void

  /**
   * Ends the ownership; the connection is sound. A transaction that is `open` is read only and has still to be ended,
   * before anything else is sent: nobody waits for it. Called once, or `discard` is.
   */
  release(transaction?: 'open'): void

  /**
   * Ends the ownership of a connection that nobody must use again. A flight on its way rejects at once, and what the
   * server still does for it is stopped, so that its locks come free.
   */
  discard(reason: Error): void
}

/** What the connections of a driver are doing, and what became of others. */
export interface DriverStats {
  readonly open: number
  readonly idle: number
  readonly leased: number
  /** Being reset or checked. */
  readonly busy: number
  readonly connecting: number
  /** Units that wait for a lease. */
  readonly waiting: number
  /** Connections opened since the beginning. */
  readonly created: number
  /** Connections closed since the beginning, by reason. */
  readonly discarded: Readonly<Record<string, number>>
}

/** Statements about the keys of committed units, on the table that the driver's documentation gives. */
export interface OutcomeLedger {
  /** Writes a key; a second time is a duplicate key. */
  record(key: string): Compilable
  /** The key's row, locked, so that a unit that is just being committed is waited for. */
  find(key: string): Compilable
}

export interface Driver {
  /** The driver's `LeaseholdError`, by which core knows whether the driver's errors are its own; not looked at unless given. */
  readonly '~core'?: unknown
  readonly outcomes: OutcomeLedger

  /**
   * Leases a connection, first come first served. Rejects with an `AcquireError`, within the driver's time limit or as
   * soon as `signal` is aborted; a connection that comes too late is not lost.
   */
  acquire(signal?: AbortSignal): Promise<Connection>

  stats(): DriverStats

  /** Refuses new leases, lets those that are out come back, and ends within the driver's time limit. Idempotent. */
  close(): Promise<void>
}
