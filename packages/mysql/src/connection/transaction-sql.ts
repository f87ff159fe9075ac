/** The SQL of transaction control (MySQL reference manual, "START TRANSACTION, COMMIT, and ROLLBACK Statements"). */
import {
  type AccessMode,
  type Command,
  type IsolationLevel,
  type Statement,
  type TransactionOptions,
  UsageError,
} from '@leasehold/core'
import type { ServerKind } from '../protocol/server-kind.ts'

const isolationLevels: Readonly<Record<IsolationLevel, string>> = {
  'read uncommitted': 'READ UNCOMMITTED',
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
}

const accessModes: Readonly<Record<AccessMode, string>> = {
  'read only': 'READ ONLY',
  'read write': 'READ WRITE',
}

/** The statements of a command, in the order of sending. */
export function controlSql(
  command: Exclude<Command, { statement: Statement }>,
  server: ServerKind,
): readonly string[] {
  switch (command.type) {
    case 'begin':
      return beginSql(command.options, server)
    case 'savepoint':
      return [`SAVEPOINT ${command.name}`]
    case 'rollback to':
      return [`ROLLBACK TO SAVEPOINT ${command.name}`]
    case 'release':
      return [`RELEASE SAVEPOINT ${command.name}`]
    default:
      return [command.type.toUpperCase()]
  }
}

/** SET TRANSACTION applies to the next transaction only. */
function beginSql(options: TransactionOptions, server: ServerKind): readonly string[] {
  const { isolationLevel, accessMode, snapshot = false, statementTimeout } = options
  const characteristics = [
    ...(snapshot ? ['WITH CONSISTENT SNAPSHOT'] : []),
    ...(accessMode === undefined ? [] : [keyword(accessModes, accessMode, 'accessMode')]),
  ]
  const start = ['START TRANSACTION', characteristics.join(', ')].join(' ').trimEnd()
  return [
    ...(statementTimeout === undefined ? [] : [timeLimitSql(statementTimeout, server)]),
    ...(isolationLevel === undefined
      ? []
      : [`SET TRANSACTION ISOLATION LEVEL ${keyword(isolationLevels, isolationLevel, 'isolationLevel')}`]),
    start,
  ]
}

/** MariaDB's variable counts seconds; MySQL's counts milliseconds and applies to SELECT only. */
function timeLimitSql(milliseconds: number, server: ServerKind): string {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 1) {
    throw new UsageError(`statementTimeout: expected whole milliseconds from 1, got ${milliseconds}`)
  }
  return server === 'mariadb'
    ? `SET SESSION max_statement_time = ${milliseconds / 1_000}`
    : `SET SESSION max_execution_time = ${milliseconds}`
}

/** Restores the server's own limit. */
export function noTimeLimitSql(server: ServerKind): string {
  return `SET SESSION ${server === 'mariadb' ? 'max_statement_time' : 'max_execution_time'} = DEFAULT`
}

function keyword<K extends string>(table: Readonly<Record<K, string>>, key: K, option: string): string {
  const sql = Object.hasOwn(table, key) ? table[key] : undefined
  if (sql !== undefined) return sql
  throw new UsageError(`${option}: expected one of '${Object.keys(table).join("', '")}', got '${key}'`)
}
