/**
 * The error classes: one for each decision that a caller can take. They state facts and leave verdicts
 * (whether to ask again, say) to whoever reads them.
 */
import { abridged, bounded, withoutValues } from './messages.ts'
import type { UnitIdentity } from './unit-identity.ts'

/** What all errors of Leasehold extend; anything else that comes out of a unit is the caller's own error. */
export abstract class LeaseholdError extends Error {
  abstract override readonly name: string
  /** How often the unit had been begun when this came out of it, an attempt that got no connection included. */
  attempts = 1
  /** The unit that this came out of; `undefined` where there was none yet, as for options that are refused. */
  unit: UnitIdentity | undefined = undefined

  constructor(message: string, options?: ErrorOptions) {
    super(bounded(message), options)
  }
}

export type AcquireReason = 'timeout' | 'connect' | 'closed' | 'aborted'

/** No connection was to be had, so nothing ran. */
export class AcquireError extends LeaseholdError {
  override readonly name = 'AcquireError'
  /** `timeout`: none came free in time; `connect`: the server refused one; `closed`: the driver is closed; `aborted`: the caller gave up. */
  readonly reason: AcquireReason

  constructor(reason: AcquireReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** What the server's error number stands for, as far as callers commonly tell them apart. */
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
  readonly sqlState: string
  /** What the server said. It may quote a value, as `Duplicate entry 'x'` does, and the error's message does not. */
  readonly serverMessage: string
  /** Text of the statement, with placeholders. */
  readonly sql: string
  readonly label: string | undefined
  /** Place of the statement among the commands of its flight, counted from 0. */
  readonly index: number
  /**
   * Name of the key or constraint that was violated (`duplicate-key`, `foreign-key`, `check`), without its table; absent
   * where the server does not tell it.
   */
  readonly constraint?: string | undefined
  /** The values bound to the placeholders; absent unless the driver was told to expose them. */
  readonly parameters?: readonly unknown[]
}

/** The server refused a statement; the unit was rolled back and its connection is sound. */
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
    super(
      `${withoutValues(facts)} (${facts.errno}, ${facts.sqlState}) in ${abridged(facts.label ?? facts.sql)}`,
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

/** The statement whose result it is. */
export interface ResultPlace {
  readonly label: string | undefined
  /** Absent where the result is that of several. */
  readonly statement?: { readonly sql: string } | undefined
}

/** The statement ran, but its result is not what the query asks for; the unit was rolled back. */
export class ResultError extends LeaseholdError {
  override readonly name = 'ResultError'
  readonly label: string | undefined
  /** Text of the statement, with placeholders; `undefined` where the result is that of several statements. */
  readonly sql: string | undefined
  readonly expected: string
  readonly actual: string

  /** `shown` is for the message where `actual` has a value in it, which messages have not. */
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
  /** By the columns of the key. */
  readonly key: Readonly<Record<string, unknown>>
  /** The version that the row had when it was read. */
  readonly expected: number | bigint
  /** The version that it has now; `undefined` when it is gone. */
  readonly actual: number | bigint | undefined
}

/** A row was changed or deleted by somebody else since it was read, and was left as it is. */
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
 * The connection is gone and the unit was not committed: the server rolls back what it had of it. Where raw SQL was under
 * way that may commit by itself, such as a CALL, nobody can tell whether it had.
 */
export class ConnectionLostError extends LeaseholdError {
  override readonly name = 'ConnectionLostError'
  /** Whether anything of the flight that failed may have reached the server. */
  readonly sent: boolean

  constructor(message: string, options: ErrorOptions & { readonly sent: boolean }) {
    super(message, options)
    this.sent = options.sent
  }
}

export type DeadlineReason = 'timeout' | 'aborted'

/** The unit was stopped because its time was up or its signal was aborted. It was not committed. */
export class DeadlineError extends LeaseholdError {
  override readonly name = 'DeadlineError'
  readonly reason: DeadlineReason
  /** What the unit was doing: labels of the statements under way, or what it waited for. */
  readonly activity: string

  constructor(reason: DeadlineReason, message: string, activity: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.activity = activity
  }
}

/**
 * COMMIT was sent, and its answer did not come, or came as an error that does not say that the unit was rolled back: the
 * unit is in the database whole, or not at all. `cause` tells which, and if it was the caller's deadline that cut the wait.
 */
export class CommitUnknownError extends LeaseholdError {
  override readonly name = 'CommitUnknownError'
}

/** A unit with this outcome key had been committed before, so this one was rolled back. */
export class AlreadyCommittedError extends LeaseholdError {
  override readonly name = 'AlreadyCommittedError'
}

/** A mistake in the calling code, found before it could do harm. */
export class UsageError extends LeaseholdError {
  override readonly name = 'UsageError'
}

/**
 * A statement of the unit ended the transaction that it ran in, by a COMMIT or a ROLLBACK of its own, or may have when the
 * unit failed otherwise: what came before it is in the database, or is not; what came behind it was rolled back.
 */
export class ImplicitCommitError extends LeaseholdError {
  override readonly name = 'ImplicitCommitError'
  /** The statement behind which the transaction was not the same any more. */
  readonly label: string | undefined
  readonly sql: string

  /** `cause`: what the statement failed with, if it did; `certain`: whether it is known to have ended the transaction. */
  constructor(
    label: string | undefined,
    sql: string,
    { certain = true, ...options }: ErrorOptions & { readonly certain?: boolean } = {},
  ) {
    super(
      `${abridged(label ?? sql)} ${certain ? 'ended' : 'may have ended'} the transaction it ran in: what the unit had done before is in the database if it ` +
        'committed, and undone if it rolled back or went on after a deadlock; the rest was rolled back. Run what commits ' +
        '(DDL, LOCK TABLES, SET autocommit …) outside of units, and have procedures let deadlocks out',
      options,
    )
    this.label = label
    this.sql = sql
  }
}
