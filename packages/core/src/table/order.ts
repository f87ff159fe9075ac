/** The order of rows: which columns they are sorted by, each in which direction. */
import type { SelectQueryBuilder } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import type { AnyDatabase, TableRow, Table } from './table.ts'

export type Direction = 'asc' | 'desc'

/** Columns by which rows are sorted, the first one first; ascending unless a direction is given. */
export type OrderBy<Column extends string> = readonly (Column | readonly [Column, Direction])[]

export interface Sorting {
  readonly column: string
  readonly direction: Direction
}

/** Throws a {@link UsageError} for a direction that is none. */
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
 * The same order with the key behind it, so that no two rows are in the same place; in the direction of the last column,
 * because an index on the columns before it can then be read in one go.
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
  for (const { column, direction } of sorting) result = result.orderBy(column, direction)
  return result
}
