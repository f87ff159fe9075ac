/** The key of a table: conversions, and conditions that select rows by it. */
import { type Expression, type ExpressionBuilder, sql, type SqlBool } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import { identityOf } from '../query/key-identity.ts'
import type { AnyDatabase, TableRow, Table } from './table.ts'

/**
 * The key as a record of its columns. Callers pass the value of a single key column, or a record of several.
 *
 * @throws {UsageError} for a value that is missing.
 */
export function toKey(table: Table, given: unknown): TableRow {
  const [column = ''] = table.key
  return keyIn(table, table.composite ? given : { [column]: given })
}

/**
 * The key of a row, as a record of its columns.
 *
 * @throws {UsageError} for a value that is missing.
 */
export function keyIn(table: Table, row: unknown): TableRow {
  if (typeof row !== 'object' || row === null) {
    throw new UsageError(
      `${table.name}: expected a record with ${table.key.join(', ')}, got ${row === null ? 'null' : typeof row}`,
    )
  }
  const key = Object.fromEntries(table.key.map((column) => [column, (row as TableRow)[column]]))
  const missing = table.key.find((column) => isMissing(key[column]))
  if (missing === undefined) {
    for (const value of Object.values(key)) identityOf(value)
    return key
  }
  throw new UsageError(
    `${table.name}: expected a value for the key column ${missing}, got ${String(key[missing])}`,
  )
}

/** The key of a row in the form of callers: the value of a single key column, or a record of several. */
export function fromKey(table: Table, row: TableRow): unknown {
  const key = keyIn(table, row)
  const [column = ''] = table.key
  return table.composite ? key : key[column]
}

export function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

/** The condition that selects the row with the key. */
export function hasKey(key: TableRow): (eb: ExpressionBuilder<AnyDatabase, string>) => Expression<SqlBool> {
  return (eb) => eb.and(Object.entries(key).map(([column, value]) => eb(column, '=', value)))
}

/** The condition that selects the rows with these keys. It avoids tuples: in those, servers compare text and numbers as doubles. */
export function hasKeyIn(
  { key: [column = ''], composite }: Table,
  keys: readonly TableRow[],
): (eb: ExpressionBuilder<AnyDatabase, string>) => Expression<SqlBool> {
  return (eb) => {
    if (!composite) return eb(column, 'in', alike(keys.map((each) => each[column])))
    const each = keys.map((key) => hasKey(key)(eb))
    return sql<SqlBool>`(${sql.join(each, sql` or `)})`
  }
}

/** Values of one type: in a list of text and numbers, servers would compare all as doubles. */
function alike(values: readonly unknown[]): readonly unknown[] {
  const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint'
  if (!values.some((value) => typeof value === 'string') || !values.some(isNumber)) return values
  return values.map((value) => (isNumber(value) ? String(value) : value))
}
