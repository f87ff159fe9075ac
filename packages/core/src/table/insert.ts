/** Inserts rows into a table. */
import { type InsertQueryBuilder, type InsertResult, type SelectQueryBuilder, sql } from 'kysely'
import { all, succeed } from '../query/combinators.ts'
import { ResultError, UsageError } from '../errors/errors.ts'
import { chunked } from './insert-chunks.ts'
import { onServer } from '../query/on-server.ts'
import type { DecodeInput, Query } from '../query/query.ts'
import { affected, generatedId, generatedKey, many, maybeOne, one, shape } from '../query/result-shapes.ts'
import {
  type AnyDatabase,
  ownValues,
  rowsOf,
  serverNameOf,
  type Table,
  type TableRow,
  whenChanged,
  whenDeleted,
  whenInserted,
} from './table.ts'
import { fromKey, hasKey, isMissing, keyIn, toKey } from './key.ts'

/** The query that inserts a row; its result is the row's key, which AUTO_INCREMENT may have generated. */
export function insert(table: Table, row: TableRow): Query<unknown> {
  const statement = insertInto(table, [storedValues(table, row)])
  const generated = generatedColumn(table, row)
  if (generated !== undefined) {
    return shape(statement, (answer) => fromKey(table, { ...row, [generated]: generatedKey(answer) }))
  }
  const key = fromKey(table, row)
  const zeros = zeroColumns(table, row)
  if (zeros.length === 0) return shape(statement, () => key, false)
  return shape<DecodeInput, 'write'>(statement, (answer) => answer).andThen((answer) => {
    if (answer.result.insertId === 0n) return succeed(key)
    return autoIncrement(table).map((generated) => {
      if (generated === undefined) {
        throw new ResultError(
          answer,
          'a table whose AUTO_INCREMENT column SHOW COLUMNS lists, because the key is 0',
          'none; insert a key other than 0, or leave the key out',
        )
      }
      const column = zeros.find((name) => serverNameOf(table, name) === generated.toLowerCase())
      return column === undefined ? key : fromKey(table, { ...row, [column]: generatedKey(answer) })
    })
  })
}

/** The key columns whose value rounds to 0: AUTO_INCREMENT replaces 0, unless `sql_mode` has NO_AUTO_VALUE_ON_ZERO. */
function zeroColumns({ key }: Table, row: TableRow): readonly string[] {
  return key.filter((column) => {
    const value = row[column]
    return ['number', 'bigint', 'string', 'boolean'].includes(typeof value) && Math.round(Number(value)) === 0
  })
}

/** The server's name of the table, with the schema that a plugin may add. */
function serverTable({ db, name }: Table): string {
  return db.selectFrom(name).selectAll().compile().sql.slice('select * from '.length)
}

/** The AUTO_INCREMENT column of the table, which the answer to an INSERT does not name. */
function autoIncrement(table: Table): Query<string | undefined> {
  const found = sql<
    Record<string, string>
  >`show columns from ${sql.raw(serverTable(table))} where extra like '%auto_increment%'`
  return many(found.compile(table.db)).map(
    ([column = {}]) => Object.entries(column).find(([name]) => name.toLowerCase() === 'field')?.[1],
  )
}

/** The query that inserts a row; its result is the stored row, with defaults and generated columns. */
export function insertAndGet(table: Table, row: TableRow): Query<TableRow> {
  const statement = insertInto(table, [storedValues(table, row)])
  const generated = generatedColumn(table, row)
  return onServer(({ returning }) => {
    if (returning) return one(statement.returningAll())
    if (zeroColumns(table, row).length > 0) {
      return insert(table, row).andThen((key) => one(withKey(table, toKey(table, key))))
    }
    if (generated === undefined) {
      return all([affected(statement), one(withKey(table, keyIn(table, row)))]).map(([, stored]) => stored)
    }
    const last = maybeOne(withKey(table, keyIn(table, { ...row, [generated]: sql`last_insert_id()` })))
    return all([shape(statement, generatedId), last]).andThen(([id, stored]) => {
      if (stored !== undefined && String(stored[generated]) === String(id)) return succeed(stored)
      // A trigger has made the key: the last one of AUTO_INCREMENT is that of an earlier row.
      return one(withKey(table, keyIn(table, { ...row, [generated]: id })))
    })
  })
}

function withKey(table: Table, key: TableRow): SelectQueryBuilder<AnyDatabase, string, TableRow> {
  return rowsOf(table).selectAll().where(hasKey(key))
}

/** The query that inserts rows in one flight, with as few statements as the server accepts; its result is their number. */
export function insertMany(table: Table, rows: readonly TableRow[]): Query<number> {
  if (rows.length === 0) return succeed(0)
  const stored = rows.map((row) => storedValues(table, row))
  return onServer(({ maxAllowedPacket }) => {
    const statements = chunked(stored, maxAllowedPacket).map((chunk) => affected(insertInto(table, chunk)))
    const [first, ...others] = statements
    return first !== undefined && others.length === 0 ? first : all(statements).map(sum)
  })
}

/**
 * The query that inserts a row, or writes its values to the row with the same key or the same value in another unique index.
 *
 * The SQL contains the values twice, because the servers share no syntax for the values of the new row: MariaDB has
 * only `values(…)`, which MySQL deprecates.
 */
export function upsert(table: Table, row: TableRow): Query<void> {
  const [column = ''] = table.key
  const changes = { ...ownValues(table, row), ...whenChanged(table), ...whenDeleted(table, false) }
  const isChange = Object.keys(changes).length > 0
  const statement = insertInto(table, [storedValues(table, row)]).onDuplicateKeyUpdate(
    isChange ? changes : { [column]: sql.ref(column) },
  )
  return shape(statement, () => undefined, false)
}

function insertInto(
  table: Table,
  rows: readonly TableRow[],
): InsertQueryBuilder<AnyDatabase, string, InsertResult> {
  return table.db.insertInto(table.name).values(rows)
}

function storedValues(table: Table, row: TableRow): TableRow {
  const key = Object.entries(row).filter(([column, value]) => table.key.includes(column) && !isMissing(value))
  return { ...Object.fromEntries(key), ...ownValues(table, row), ...whenInserted(table) }
}

/**
 * The key column without a value, which AUTO_INCREMENT fills.
 *
 * @throws {UsageError} when several key columns have no value.
 */
function generatedColumn({ name, key }: Table, row: TableRow): string | undefined {
  const [missing, ...others] = key.filter((column) => isMissing(row[column]))
  if (others.length === 0) return missing
  throw new UsageError(
    `${name}: expected at most one key column without a value, for AUTO_INCREMENT to fill; missing: ` +
      [missing, ...others].join(', '),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
