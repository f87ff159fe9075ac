/** Turns replies into results and errors of core. */
import {
  type Command,
  LeaseholdError,
  ResultError,
  type ResultPlace,
  StatementError,
  type StatementResult,
} from '@leasehold/core'
import type { Reply } from '../protocol/reply-readers.ts'
import type { Field } from '../protocol/mysql2-commands.ts'
import { constraintIn } from './constraint-name.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import { hasLostPrepared, isServerError, kindOf, type ServerError } from '../errors.ts'
import { STATUS } from './session-sql.ts'
import { decodeRows, notRead, type ValueSettings } from '../values/decode-rows.ts'

/** The result of a command that succeeded without rows or counts. */
export const NOTHING: StatementResult = {
  rows: undefined,
  affectedRows: 0,
  changedRows: 0,
  insertId: 0n,
  inTransaction: true,
}

export interface ResultSettings {
  readonly values: ValueSettings
  /** See {@link StatementResult}. */
  readonly sortedBytes: number | undefined
}

/** Throws a `ResultError` for a value without a representation, and for a second result set. */
export function resultOf(
  command: Command,
  reply: Reply,
  { values, sortedBytes }: ResultSettings,
): StatementResult {
  const { rows, resultSets, fields, header, status = 0 } = reply
  if (resultSets > 1) {
    throw new ResultError(
      placeOf(command),
      'one result set',
      `${resultSets}: have the procedure select once, and leave the others in temporary tables or variables`,
    )
  }
  return {
    rows: rows === undefined ? undefined : decodeRows(rows, reply, values, placeOf(command)),
    affectedRows: header?.affectedRows ?? 0,
    changedRows: header?.changedRows ?? 0,
    insertId: BigInt.asUintN(64, BigInt(header?.insertId ?? 0)),
    inTransaction: (status & STATUS.IN_TRANS) !== 0 && (status & STATUS.AUTOCOMMIT) === 0,
    sortedOtherwise: fields.some(isSortedOtherwise)
      ? fields.filter(isSortedOtherwise).map(({ name }) => name)
      : undefined,
    sortedBytes,
  }
}

const FLOAT = 4
const BIT = 16
const JSON = 245
const ENUM_FLAG = 0x100
const SET_FLAG = 0x800

function isSortedOtherwise({ type, flags, extendedFormat }: Field): boolean {
  if (type === FLOAT || type === BIT || type === JSON || extendedFormat === 'json') return true
  return (flags & (ENUM_FLAG | SET_FLAG)) !== 0
}

/** Whether the missing prepared statement is one of the caller's own SQL, and not of the session. */
export function isOwn(command: Command, error: ServerError): boolean {
  return 'statement' in command && command.statement.kind === 'unknown' && hasLostPrepared(error)
}

/** The server's refusal of the command at this place in its flight. */
export function failureOf(
  command: Command,
  index: number,
  error: ServerError,
  { exposeParameters, server }: { readonly exposeParameters: boolean; readonly server: ServerKind },
): StatementError {
  return new StatementError({
    kind: isOwn(command, error) ? 'other' : kindOf(error),
    errno: error.errno,
    sqlState: error.sqlState,
    serverMessage: error.sqlMessage,
    constraint: constraintIn(error, server),
    sql: 'statement' in command ? command.statement.sql : command.type.toUpperCase(),
    label: placeOf(command).label,
    index,
    ...(exposeParameters && 'statement' in command ? { parameters: command.statement.parameters } : {}),
  })
}

/** The error of a command that could not be sent, or whose answer could not be read. */
export function unreadable(error: unknown, command: Command): LeaseholdError {
  if (error instanceof LeaseholdError) return error
  return notRead(error, placeOf(command))
}

const NOWHERE: ResultPlace = { label: undefined }

function placeOf(command: Command): ResultPlace {
  return 'statement' in command ? command : NOWHERE
}

/** Whether the server does not prepare statements of this kind (ER_UNSUPPORTED_PS). */
export function isUnpreparable(outcome: Reply | Error): boolean {
  return outcome instanceof Error && isServerError(outcome) && outcome.errno === 1295
}
