/** What the server's error numbers stand for. Messages are never read: they depend on the server's language. */
import type { StatementErrorKind } from '@leasehold/core'

/**
 * Server error numbers by kind: MySQL 9.7 reference "Server Error Message Reference" and MariaDB's "Error Codes";
 * those from 1900 to 1999 and 4025 are MariaDB's own.
 */
const errnosOf: Readonly<Record<Exclude<StatementErrorKind, 'not-ready' | 'other'>, readonly number[]>> = {
  access: [1044, 1045, 1142, 1143, 1227, 1370],
  check: [1369, 3819, 4025],
  // The last two: a prepared statement is not what it was, or not there, which another session has not to do with.
  conflict: [1020, 3101, 1243, 1615],
  data: [1264, 1265, 1292, 1366, 1406, 1411, 1690, 3140, 3156],
  deadlock: [1213],
  'duplicate-key': [1022, 1062, 1169, 1586, 1761, 1762],
  'foreign-key': [1216, 1217, 1451, 1452, 3730],
  killed: [1317],
  'lock-timeout': [1205, 3572],
  'not-null': [1048, 1364],
  'read-only': [1290, 1792, 1836],
  'statement-timeout': [1969, 3024],
  syntax: [1064, 1149],
  'unknown-name': [1049, 1054, 1109, 1146, 1305],
}

const kinds: ReadonlyMap<number, StatementErrorKind> = new Map(
  Object.entries(errnosOf).flatMap(([kind, errnos]) =>
    errnos.map((errno) => [errno, kind as StatementErrorKind] as const),
  ),
)

/** Errors behind which the server closes the connection: shut down, killed, idle for too long. */
const closing: ReadonlySet<number> = new Set([1053, 1927, 4031])

/** Kinds of error that a statement may be prepared after, another time. */
const passing: ReadonlySet<StatementErrorKind> = new Set([
  'conflict',
  'deadlock',
  'killed',
  'lock-timeout',
  'not-ready',
  'statement-timeout',
])

/** Whether a statement that was refused may be taken another time. */
export function isPassing(error: ServerError): boolean {
  return passing.has(kindOf(error))
}

/** Errors that tell that the session has lost what it had prepared: a proxy may have put another in its place. */
const losing: ReadonlySet<number> = new Set([1243, 1615])

/** Whether the session has lost its prepared statements. */
export function hasLostPrepared({ errno }: ServerError): boolean {
  return losing.has(errno)
}

/** What was read is not the answer to what was sent. */
export class DesyncError extends Error {
  override readonly name = 'DesyncError'
}

/** Errors of a server that has no more connections for an account, or for all: some come free again. */
const crowding: ReadonlySet<number> = new Set([1040, 1203, 1226])

/** Whether the server has no connection to give. */
export function isCrowded(error: Error): boolean {
  return 'errno' in error && typeof error.errno === 'number' && crowding.has(error.errno)
}

/** Answers to KILL: no such session; or not ours, which one of our own is not any more while it ends. */
const going: ReadonlySet<number> = new Set([1094, 1095])

/** Whether there is no session to be killed any more. */
export function isGone(error: Error): boolean {
  return 'errno' in error && typeof error.errno === 'number' && going.has(error.errno)
}

/** An ERR packet as mysql2 hands it over. */
export interface ServerError extends Error {
  readonly errno: number
  readonly sqlState: string
  readonly sqlMessage: string
}

/** A node of Galera that is not in the primary component; with another state the number is an unknown command's. */
const NOT_READY = { errno: 1047, sqlState: '08S01' } as const

export function kindOf({ errno, sqlState }: Pick<ServerError, 'errno' | 'sqlState'>): StatementErrorKind {
  if (errno === NOT_READY.errno && sqlState === NOT_READY.sqlState) return 'not-ready'
  return kinds.get(errno) ?? 'other'
}

/** Whether `error` is the server's answer to a statement; anything else means that the connection is spent. */
export function isServerError(error: Error): error is ServerError {
  if ('fatal' in error && error.fatal === true) return false
  return (
    'sqlMessage' in error && 'errno' in error && typeof error.errno === 'number' && !closing.has(error.errno)
  )
}
