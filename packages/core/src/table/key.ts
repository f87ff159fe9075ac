/** The key of a table, by whose values rows are told apart. */
import { type Expression, type ExpressionBuilder, sql, type SqlBool } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import type { AnyDatabase, TableRow, Table } from './table.ts'

/**
 * The key by its columns, from the form that callers have it in: the value of the only column, or a record of several.
 * Throws a {@link UsageError} for a value that is missing.
 */
export function toKey(table: Table, given: unknown): TableRow {
  const [column = ''] = table.key
  return keyIn(table, table.composite ? given : { [column]: given })
}

/** The key, by its columns, of a record that has more. Throws a {@link UsageError} for a value that is missing. */
export function keyIn(table: Table, row: unknown): TableRow {
  if (typeof row !== 'object' || row === null) {
    throw new UsageError(
      `${table.name}: expected a record with ${table.key.join(', ')}, got ${row === null ? 'null' : typeof row}`,
    )
  }
  const key = Object.fromEntries(table.key.map((column) => [column, (row as TableRow)[column]]))
  const missing = table.key.find((column) => isMissing(key[column]))
  if (missing === undefined) return key
  throw new UsageError(
    `${table.name}: expected a value for the key column ${missing}, got ${String(key[missing])}`,
  )
}

/** The key of a record in the form that callers have it in. */
export function fromKey(table: Table, row: TableRow): unknown {
  const key = keyIn(table, row)
  const [column = ''] = table.key
  return table.composite ? key : key[column]
}

export function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

/** Whether a row is the one with the key. */
export function hasKey(key: TableRow): (eb: ExpressionBuilder<AnyDatabase, string>) => Expression<SqlBool> {
  return (eb) => eb.and(Object.entries(key).map(([column, value]) => eb(column, '=', value)))
}

/** Whether a row is one with a key of the list. Not by tuples, whose text the servers compare with numbers as doubles. */
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

/** Values that are compared alike: text and numbers side by side would all be doubles. */
function alike(values: readonly unknown[]): readonly unknown[] {
  const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint'
  if (!values.some((value) => typeof value === 'string') || !values.some(isNumber)) return values
  return values.map((value) => (isNumber(value) ? String(value) : value))
}
