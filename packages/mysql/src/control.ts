/** The SQL of transaction control (MySQL reference manual, "START TRANSACTION, COMMIT, and ROLLBACK Statements"). */
import type { RootOperationNode } from 'kysely'
import {
  type AccessMode,
  type Command,
  type IsolationLevel,
  type Statement,
  type TransactionOptions,
  UsageError,
} from '@leasehold/core'

export type ServerKind = 'mariadb' | 'mysql'

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

/** The statements of a command, to be sent in this order. */
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

/** SET TRANSACTION holds for the next transaction only. */
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

/** The servers have a variable each for it: MariaDB's counts seconds, MySQL's milliseconds and for SELECT only. */
function timeLimitSql(milliseconds: number, server: ServerKind): string {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 1) {
    throw new UsageError(`statementTimeout: expected whole milliseconds from 1, got ${milliseconds}`)
  }
  return server === 'mariadb'
    ? `SET SESSION max_statement_time = ${milliseconds / 1_000}`
    : `SET SESSION max_execution_time = ${milliseconds}`
}

function keyword<K extends string>(table: Readonly<Record<K, string>>, key: K, option: string): string {
  const sql = Object.hasOwn(table, key) ? table[key] : undefined
  if (sql !== undefined) return sql
  throw new UsageError(`${option}: expected one of '${Object.keys(table).join("', '")}', got '${key}'`)
}

/** Refuses definitions that Kysely's schema builder made. Temporary tables are none. */
export function assertNoDefinition(node: RootOperationNode): void {
  if (node.kind === 'RawNode' || (node.kind === 'CreateTableNode' && node.temporary === true)) return
  throw definition(node.kind.replace('Node', ''))
}

/** White space and comments; what is in a comment with an exclamation mark is carried out. */
const NOTHING = String.raw`^(?:\s|/\*M?!\d*|/\*.*?\*/|(?:--\s|#).*?\n)*`

const CONTROL = new RegExp(
  String.raw`${NOTHING}(begin(?!\s+not\s+atomic)|start\s+transaction|commit|rollback(?!\s+to)|xa|(?:un)?lock\s+tables?)\b`,
  'is',
)

/** MySQL reference manual, "Statements That Cause an Implicit Commit". */
const DEFINITION = new RegExp(
  String.raw`${NOTHING}(alter|create(?!\s+(?:or\s+replace\s+)?temporary\b)|drop(?!\s+(?:temporary|prepare)\b)|rename|` +
    String.raw`truncate|grant|revoke|(?:analyze|check|optimize|repair)(?:\s+(?:local|no_write_to_binlog))?\s+tables?|` +
    String.raw`flush|(?:un)?install|set\s+password)\b`,
  'is',
)

/**
 * Refuses raw SQL that would end the unit's transaction behind its back: transaction control, because a transaction that
 * is begun again at once looks to the client like the old, and definitions, because one that fails has committed, too,
 * and the server does not say so.
 */
export function assertNoControl(sql: string): void {
  const control = CONTROL.exec(sql)?.[1]
  if (control !== undefined) {
    throw new UsageError(
      `${control.toUpperCase()} can't be run inside of a unit, which begins, commits and rolls back its transaction by itself`,
    )
  }
  const word = DEFINITION.exec(sql)?.[1]
  if (word !== undefined) throw definition(word.toUpperCase())
}

function definition(name: string): UsageError {
  return new UsageError(
    `${name} can't be run inside of a unit: it would commit what came before, even if it fails; run it by itself, as a ` +
      'migration',
  )
}
