/** Scripted answers, for queries without a server. */
import { LeaseholdError, StatementError, type StatementErrorKind, UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import type { Statement } from '../statement/statement.ts'

/** The parts of a result that matter to a test. */
export interface ResultParts extends Partial<Omit<StatementResult, 'insertId'>> {
  readonly insertId?: number | bigint | undefined
}

/**
 * A reply in short form:
 *
 * - a list: the rows;
 * - a number: the rows that a write matched;
 * - a {@link LeaseholdError}: the failure;
 * - any other object: the only row of a statement with rows, else the {@link ResultParts} of its result.
 */
export type Reply = object | number

/** A statement to be answered. */
export interface Call {
  /** The statement's label, else its SQL. */
  readonly name: string
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Number of earlier answers for this name. */
  readonly before: number
}

/** Computes a reply; `undefined` means that there is none. */
export type Answering = (call: Call) => Reply | undefined

/** Replies by the statement's label, else by its SQL; or one function for all. */
export type Answers = Readonly<Record<string, Reply | Answering>> | Answering

/** Looks up the reply for a name, and counts its calls. */
export function scriptedReplies(
  answers: Answers,
): (name: string, statement?: Statement) => Reply | undefined {
  const counts = new Map<string, number>()
  return (name, statement) => {
    const reply = typeof answers === 'function' ? answers : own(answers, name)
    if (typeof reply !== 'function') return reply
    const before = counts.get(name) ?? 0
    counts.set(name, before + 1)
    const { sql = '', parameters = [] } = statement ?? {}
    return (reply as Answering)({ name, sql, parameters, before })
  }
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

/** The command that a reply answers. */
export interface Answered {
  readonly name: string
  /** Absent for transaction control. */
  readonly statement?: Statement | undefined
  /** Whether a transaction is open afterwards, unless the reply has its own `inTransaction`. Default: true. */
  readonly inTransaction?: boolean | undefined
}

/**
 * Expands a reply to a full result.
 *
 * @throws {UsageError} when the reply does not fit the statement, as a count for a SELECT.
 */
export function resultOfReply(reply: Reply, answered: Answered): StatementResult | LeaseholdError {
  if (reply instanceof LeaseholdError) return reply
  if (reply instanceof Error) throw mismatch(answered.name, 'refusal(kind) for a failure', String(reply))
  const { name, statement, inTransaction = true } = answered
  const rows = givesRows(statement)
  const none = { rows: undefined, affectedRows: 0, changedRows: 0, insertId: 0n, inTransaction }
  if (Array.isArray(reply)) {
    if (rows !== false) return { ...none, rows: reply }
    throw mismatch(name, 'a count or the parts of a result, since it gives no rows', 'a list')
  }
  if (typeof reply === 'number') {
    if (rows !== true) return { ...none, affectedRows: reply, changedRows: reply }
    throw mismatch(name, 'its row or a list of rows', String(reply))
  }
  if (rows === true) return { ...none, rows: [reply] }
  const foreign = Object.keys(reply).filter((key) => !(key in none))
  if (foreign.length > 0) {
    const parts = Object.keys(none).join(', ')
    throw mismatch(
      name,
      `a list of rows, a count, or an object of ${parts}`,
      `one with ${foreign.join(', ')}`,
    )
  }
  const { affectedRows = statement?.kind === 'write' ? 1 : 0, insertId = 0n }: ResultParts = reply
  return { ...none, affectedRows, changedRows: affectedRows, ...reply, insertId: BigInt(insertId) }
}

/** `undefined` for statements of unknown kind. */
function givesRows(statement: Statement | undefined): boolean | undefined {
  if (statement === undefined || statement.kind === 'unknown') return undefined
  return statement.kind !== 'write' || statement.returning
}

/**
 * A reply by which the server refuses the statement. The error gets the SQL, label and index of the statement that it
 * answers. `constraint` is the name of the violated key or constraint, if any.
 *
 * @example
 * ```ts
 * const driver = new RecordingDriver({ answers: { 'accounts.insert': refusal('duplicate-key') } })
 * const uow = createUnitOfWork({ driver })
 * await uow.run(accounts.insert({ name: 'Ann', cents: 0 })) // throws StatementError
 * ```
 */
export function refusal(
  kind: StatementErrorKind = 'other',
  errno = 1_105,
  constraint?: string,
): StatementError {
  return new StatementError({
    kind,
    errno,
    sqlState: 'HY000',
    serverMessage: `refused: ${kind}`,
    constraint,
    sql: '',
    label: undefined,
    index: 0,
  })
}

/** Adds the location to a {@link StatementError}; returns any other error unchanged. */
export function withLocation(
  error: LeaseholdError,
  place: { readonly sql: string; readonly label: string | undefined; readonly index: number },
): LeaseholdError {
  if (!(error instanceof StatementError)) return error
  const { kind, errno, sqlState, serverMessage, constraint } = error
  return new StatementError({ kind, errno, sqlState, serverMessage, constraint, ...place })
}

function mismatch(name: string, expected: string, actual: string): UsageError {
  return new UsageError(`the answer to ${abridged(name)}: expected ${expected}, got ${actual}`)
}
