/**
 * The error classes: one for each decision that a caller can take. They state facts; verdicts, such as whether a
 * retry makes sense, are the caller's.
 */
import { abridged, bounded, withoutValues } from './messages.ts'
import type { UnitIdentity } from './unit-identity.ts'

/** Base class of Leasehold's errors. A unit that rejects with anything else rejects with the caller's own error. */
export abstract class LeaseholdError extends Error {
  abstract override readonly name: string
  /** Number of attempts that the unit had begun when it rejected, including those that got no connection. */
  attempts = 1
  /** The unit that rejected; `undefined` where none did, as for refused options. */
  unit: UnitIdentity | undefined = undefined

  constructor(message: string, options?: ErrorOptions) {
    super(bounded(message), options)
  }
}

export type AcquireReason = 'timeout' | 'connect' | 'closed' | 'aborted' | 'lost'

/** The unit got no connection, so nothing ran. */
export class AcquireError extends LeaseholdError {
  override readonly name = 'AcquireError'
  /**
   * - `timeout`: no connection came free in time.
   * - `connect`: none could be opened; `cause` has the reason.
   * - `closed`: the driver is closed.
   * - `aborted`: the caller's signal was aborted.
   * - `lost`: the lease has lost its connection; `cause` has the reason.
   */
  readonly reason: AcquireReason

  constructor(reason: AcquireReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** Category of a server error number; `other` for numbers that callers seldom distinguish. */
export type StatementErrorKind =
  | 'access'
  | 'check'
  | 'conflict'
  | 'data'
  | 'deadlock'
  | 'duplicate-key'
  | 'foreign-key'
  | 'killed'
  | 'lock-timeout'
  | 'not-null'
  | 'not-ready'
  | 'other'
  | 'read-only'
  | 'statement-timeout'
  | 'syntax'
  | 'unknown-name'

export interface StatementErrorFacts {
  readonly kind: StatementErrorKind
  /** The server's error number. */
  readonly errno: number
  /** The server's class of error, five characters (MySQL Server Error Message Reference). */
  readonly sqlState: string
  /** The server's own message. It may quote a value, as `Duplicate entry 'x'` does; the error's message does not. */
  readonly serverMessage: string
  /** Text of the statement, with placeholders. */
  readonly sql: string
  /** Label of the statement, such as `accounts.byId`; `undefined` without one. */
  readonly label: string | undefined
  /** Zero-based position of the statement among the commands of its flight. */
  readonly index: number
  /**
   * Name of the violated key or constraint (`duplicate-key`, `foreign-key`, `check`), without its table; absent if the
   * server does not report it.
   */
  readonly constraint?: string | undefined
  /** The values bound to the placeholders; absent unless the driver's `exposeParameters` is set. */
  readonly parameters?: readonly unknown[]
}

/** Kinds after which nothing of the unit is left. */
const REPEATABLE: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock'])

/** The server refused a statement. The unit was rolled back; its connection remains usable. */
export class StatementError extends LeaseholdError {
  override readonly name = 'StatementError'
  readonly kind: StatementErrorKind
  readonly errno: number
  readonly sqlState: string
  readonly serverMessage: string
  readonly sql: string
  readonly label: string | undefined
  readonly index: number
  /** See {@link StatementErrorFacts}. */
  readonly constraint: string | undefined
  readonly parameters: readonly unknown[] | undefined

  constructor(facts: StatementErrorFacts) {
    const remedy = REPEATABLE.has(facts.kind) ? '; the unit can run again: see the option retry' : ''
    super(
      `${withoutValues(facts)} (${facts.errno}, ${facts.sqlState}) in ${abridged(facts.label ?? facts.sql)}${remedy}`,
    )
    this.kind = facts.kind
    this.errno = facts.errno
    this.sqlState = facts.sqlState
    this.serverMessage = facts.serverMessage
    this.sql = facts.sql
    this.label = facts.label
    this.index = facts.index
    this.constraint = facts.constraint
    this.parameters = facts.parameters
  }
}

/** The statement that a result belongs to. */
export interface ResultPlace {
  readonly label: string | undefined
  /** Absent if the result comes from several statements. */
  readonly statement?: { readonly sql: string } | undefined
}

/** The statement ran, but its result does not fit the query. The unit was rolled back. */
export class ResultError extends LeaseholdError {
  override readonly name = 'ResultError'
  readonly label: string | undefined
  /** Text of the statement, with placeholders; `undefined` if the result comes from several statements. */
  readonly sql: string | undefined
  readonly expected: string
  readonly actual: string

  /** `shown` replaces `actual` in the message if `actual` holds a value, since messages show none. */
  constructor(
    { label, statement }: ResultPlace,
    expected: string,
    actual: string,
    options: ErrorOptions & { readonly shown?: string } = {},
  ) {
    const { shown = actual } = options
    const sql = statement?.sql
    super(`${abridged(label ?? sql ?? 'the query')}: expected ${expected}, got ${shown}`, options)
    this.label = label
    this.sql = sql
    this.expected = expected
    this.actual = actual
  }
}

export interface StaleErrorFacts {
  readonly table: string
  /** Values of the key, by column. */
  readonly key: Readonly<Record<string, unknown>>
  /** Version of the row when it was read. */
  readonly expected: number | bigint
  /** Version of the row now; `undefined` if the row is gone. */
  readonly actual: number | bigint | undefined
}

/** Optimistic locking failed: the row was changed or deleted since it was read. It was not written. */
export class StaleError extends LeaseholdError {
  override readonly name = 'StaleError'
  readonly table: string
  readonly key: Readonly<Record<string, unknown>>
  readonly expected: number | bigint
  readonly actual: number | bigint | undefined

  constructor({ table, key, expected, actual }: StaleErrorFacts) {
    const found = actual === undefined ? 'no such row' : `version ${actual}`
    const where = `${abridged(table)}, by ${abridged(Object.keys(key).join(', '))}`
    super(`${where}: expected version ${expected}, found ${found}; read it again`)
    this.table = table
    this.key = key
    this.expected = expected
    this.actual = actual
  }
}

/**
 * The connection was lost and the unit was not committed: the server rolls back. If raw SQL that may commit by itself, such
 * as a CALL, was in flight, it is unknown whether that was committed.
 */
export class ConnectionLostError extends LeaseholdError {
  override readonly name = 'ConnectionLostError'
  /** Whether any part of the failed flight may have reached the server. */
  readonly sent: boolean

  constructor(message: string, options: ErrorOptions & { readonly sent: boolean }) {
    super(message, options)
    this.sent = options.sent
  }
}

export type DeadlineReason = 'timeout' | 'aborted'

/** The unit was stopped because its timeout elapsed or its signal was aborted. It was not committed. */
export class DeadlineError extends LeaseholdError {
  override readonly name = 'DeadlineError'
  readonly reason: DeadlineReason
  /** Activity of the unit at that moment: the labels of its statements in flight, or the thing it waited for. */
  readonly activity: string

  constructor(reason: DeadlineReason, message: string, activity: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.activity = activity
  }
}

/**
 * COMMIT was sent, but its answer is missing or is an error that does not imply a rollback. The unit is in the database as
 * a whole or not at all. `cause` has the reason, including a deadline that ended the wait.
 */
export class CommitUnknownError extends LeaseholdError {
  override readonly name = 'CommitUnknownError'
}

/** The named lock is not the lease's: another session has it, or the wait or the lock itself has ended. */
export class LockError extends LeaseholdError {
  override readonly name = 'LockError'
  /** Name of the lock. */
  readonly lock: string
  /** The server's id of the session that has the lock, as in its process list; `undefined` if none has. */
  readonly holder: number | undefined

  constructor(lock: string, holder: number | undefined, message: string) {
    super(message)
    this.lock = lock
    this.holder = holder
  }
}

/** A unit with the same outcome key was committed before, so this one was rolled back. */
export class AlreadyCommittedError extends LeaseholdError {
  override readonly name = 'AlreadyCommittedError'
}

/** A mistake in the calling code, found before it did harm. */
export class UsageError extends LeaseholdError {
  override readonly name = 'UsageError'
}

/**
 * A statement of the unit ended its own transaction by a COMMIT or ROLLBACK, or may have done so before the unit failed.
 * Earlier statements were committed or rolled back with it; later ones were rolled back.
 */
export class ImplicitCommitError extends LeaseholdError {
  override readonly name = 'ImplicitCommitError'
  /** Label of the statement after which the transaction was a different one. */
  readonly label: string | undefined
  readonly sql: string

  /** `cause`: the failure of the statement, if any; `certain`: whether it is known to have ended the transaction. */
  constructor(
    label: string | undefined,
    sql: string,
    { certain = true, ...options }: ErrorOptions & { readonly certain?: boolean } = {},
  ) {
    super(
      `${abridged(label ?? sql)} ${certain ? 'ended' : 'may have ended'} the transaction it ran in: earlier statements of ` +
        'the unit are in the database if it committed, and undone if it rolled back or handled a deadlock; later ones were ' +
        'rolled back. Run statements that commit (DDL, LOCK TABLES, SET autocommit …) outside of units, and let procedures ' +
        'pass deadlocks on',
      options,
    )
    this.label = label
    this.sql = sql
  }
}
