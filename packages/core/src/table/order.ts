/** Orders of rows: columns and their directions. */
import type { SelectQueryBuilder } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import type { AnyDatabase, TableRow, Table } from './table.ts'

/** `asc` is ascending, `desc` descending. */
export type Direction = 'asc' | 'desc'

/** Columns to sort rows by, the first one first. Default direction: ascending. */
export type OrderBy<Column extends string> = readonly (Column | readonly [Column, Direction])[]

export interface Sorting {
  readonly column: string
  readonly direction: Direction
}

/**
 * The columns with their directions.
 *
 * @throws {UsageError} for a direction other than `asc` and `desc`.
 */
export function sortingOf(table: Table, orderBy: OrderBy<string>): readonly Sorting[] {
  return orderBy.map((item) => {
    const [column, direction = 'asc'] = typeof item === 'string' ? [item] : item
    if (direction === 'asc' || direction === 'desc') return { column, direction }
    throw new UsageError(
      `${table.name}: expected ${column} to be sorted 'asc' or 'desc', got ${String(direction)}`,
    )
  })
}

/**
 * The total order: the given columns, then the missing columns of the key. The key columns take the direction of the last
 * given column. InnoDB appends the key to each index, so one scan of an index on the given columns then has that order.
 */
export function total(table: Table, sorting: readonly Sorting[]): readonly Sorting[] {
  const direction = sorting.at(-1)?.direction ?? 'asc'
  const missing = table.key.filter((key) => sorting.every(({ column }) => column !== key))
  return [...sorting, ...missing.map((column) => ({ column, direction }))]
}

export function reversed(sorting: readonly Sorting[]): readonly Sorting[] {
  return sorting.map(({ column, direction }) => ({ column, direction: direction === 'asc' ? 'desc' : 'asc' }))
}

export function sorted(
  rows: SelectQueryBuilder<AnyDatabase, string, TableRow>,
  sorting: readonly Sorting[],
): SelectQueryBuilder<AnyDatabase, string, TableRow> {
  let result = rows
  // Kysely would take `first name` for a column and its direction.
  for (const { column, direction } of sorting) result = result.orderBy((eb) => eb.ref(column), direction)
  return result
}
