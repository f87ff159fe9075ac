/** Classifies server errors by number. Their messages depend on the server's language and are never matched. */
import type { StatementErrorKind } from '@leasehold/core'

/**
 * Server error numbers by kind (MySQL 9.7 "Server Error Message Reference", MariaDB "Error Codes"). Only MariaDB has 4025
 * and those from 1900 to 1999.
 */
const errnosOf: Readonly<Record<Exclude<StatementErrorKind, 'not-ready' | 'other'>, readonly number[]>> = {
  access: [1044, 1045, 1142, 1143, 1227, 1370],
  check: [1369, 3819, 4025],
  // 1243, 1615: the prepared statement is gone or stale; another session does not have that problem.
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

/** The server closes the connection after these: shut down, killed, idle for too long. */
const closingErrnos: ReadonlySet<number> = new Set([1053, 1927, 4031])

/** Kinds after which preparing the same statement may succeed later. */
const transientKinds: ReadonlySet<StatementErrorKind> = new Set([
  'conflict',
  'deadlock',
  'killed',
  'lock-timeout',
  'not-ready',
  'statement-timeout',
])

/** Whether the server may accept a refused statement later. */
export function isPassing(error: ServerError): boolean {
  return transientKinds.has(kindOf(error))
}

/** Errors of a session without the prepared statement: a proxy may have switched to another session. */
const lostPreparedErrnos: ReadonlySet<number> = new Set([1243, 1615])

/** Whether the session has lost its prepared statements. */
export function hasLostPrepared({ errno }: ServerError): boolean {
  return lostPreparedErrnos.has(errno)
}

/** The answer read is not that to the command sent: the connection is out of step. */
export class DesyncError extends Error {
  override readonly name = 'DesyncError'
}

/** The server has no connection left, for the account or at all; some come free again. */
const crowdedErrnos: ReadonlySet<number> = new Set([1040, 1203, 1226])

/** Whether the server refused a connection for lack of free ones. */
export function isCrowded(error: Error): boolean {
  return 'errno' in error && typeof error.errno === 'number' && crowdedErrnos.has(error.errno)
}

/** Answers to KILL: no such session, or one of another account, as which our own counts while it ends. */
const goneErrnos: ReadonlySet<number> = new Set([1094, 1095])

/** Whether KILL failed because the session is gone already. */
export function isGone(error: Error): boolean {
  return 'errno' in error && typeof error.errno === 'number' && goneErrnos.has(error.errno)
}

/** An ERR packet, as mysql2 represents it. */
export interface ServerError extends Error {
  readonly errno: number
  readonly sqlState: string
  readonly sqlMessage: string
}

/** A Galera node outside of the primary component. With another SQLSTATE, 1047 means an unknown command. */
const NOT_READY = { errno: 1047, sqlState: '08S01' } as const

export function kindOf({ errno, sqlState }: Pick<ServerError, 'errno' | 'sqlState'>): StatementErrorKind {
  if (errno === NOT_READY.errno && sqlState === NOT_READY.sqlState) return 'not-ready'
  return kinds.get(errno) ?? 'other'
}

/** Whether `error` is the server's answer to a statement. Any other error means that the connection is spent. */
export function isServerError(error: Error): error is ServerError {
  if ('fatal' in error && error.fatal === true) return false
  return (
    'sqlMessage' in error &&
    'errno' in error &&
    typeof error.errno === 'number' &&
    !closingErrnos.has(error.errno)
  )
}
