/**
 * Keyset pagination: a page begins after the last row of another page. An index finds that position at once, at any depth.
 * Rows that are inserted or deleted elsewhere neither repeat rows nor hide them.
 */
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { ResultError, UsageError } from '../errors/errors.ts'
import type { DecodeInput, Query } from '../query/query.ts'
import { shape } from '../query/result-shapes.ts'
import { assertOptions, checkedElsewhere, type OptionChecks } from '../options/check-options.ts'
import { type AnyDatabase, serverNameOf, type Table, type TableRow } from './table.ts'
import { isMissing } from './key.ts'
import { type OrderBy, reversed, type Sorting, sorted, sortingOf, total } from './order.ts'
import { type Filter, filtered } from './read.ts'

export interface Paging extends Filter {
  readonly orderBy?: OrderBy<string> | undefined
  readonly limit: number
  readonly after?: string | undefined
  readonly before?: string | undefined
}

/** Consecutive rows of an order, and the cursors of the adjacent pages. */
export interface Page<T> {
  /** At most `limit` rows, in the order of `orderBy`. */
  readonly rows: T[]
  /** The cursor to pass as `after`; `undefined` on the last page. */
  readonly next: string | undefined
  /** The cursor to pass as `before`; `undefined` on the first page. */
  readonly previous: string | undefined
}

const PAGING: OptionChecks<keyof Paging> = {
  where: 'function',
  orderBy: 'array',
  limit: checkedElsewhere,
  after: checkedElsewhere,
  before: checkedElsewhere,
  withDeleted: 'boolean',
}

export function page(table: Table, options: Paging): Query<Page<TableRow>> {
  assertOptions(`${table.name}.page`, options, PAGING)
  const { orderBy = [], limit, after, before, ...filter } = options
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new UsageError(
      `${table.name}: expected the limit of a page to be a whole number from 1, got ${limit}`,
    )
  }
  for (const [name, cursor] of Object.entries({ after, before })) {
    if (cursor === undefined || typeof cursor === 'string') continue
    throw new UsageError(
      `${table.name}.page: expected ${name} to be a cursor of another page, got ${String(cursor)}`,
    )
  }
  if (after !== undefined && before !== undefined) {
    throw new UsageError(`${table.name}: expected a page after a cursor or before one, got both`)
  }
  const sorting = total(table, sortingOf(table, orderBy))
  const order = `${table.name} by ${sorting.map(({ column, direction }) => `${column} ${direction}`).join(', ')}`
  const backwards = before !== undefined
  const towards = backwards ? reversed(sorting) : sorting
  const cursor = after ?? before
  const rows = sorted(filtered(table, filter).selectAll(), towards).limit(limit + 1)
  const found =
    cursor === undefined ? rows : rows.where((eb) => isBeyond(eb, towards, decodeCursor(order, cursor)))

  return shape(found, (answer) => {
    const { rows } = answer
    assertSorted(table, sorting, answer)
    const own = (rows as readonly TableRow[]).slice(0, limit)
    if (backwards) own.reverse()
    const isMore = rows.length > limit
    const place = (row: TableRow | undefined): string | undefined =>
      row === undefined ? undefined : encodeCursor(order, placeOf(row, sorting, answer))
    return {
      rows: own,
      next: backwards || isMore ? place(own.at(-1)) : undefined,
      previous: (backwards ? isMore : after !== undefined) ? place(own[0]) : undefined,
    }
  })
}

/** A cursor in such a column would skip or repeat rows: the server sorts by another value than it returns. */
function assertSorted(table: Table, sorting: readonly Sorting[], answer: DecodeInput): void {
  const { sortedOtherwise: otherwise } = answer.result
  if (otherwise === undefined) return
  const names = new Set(otherwise.map((name) => name.toLowerCase()))
  const found = sorting.find(({ column }) => names.has(serverNameOf(table, column)))
  if (found === undefined) return
  throw new ResultError(
    answer,
    'columns to sort a page by whose values compare as they sort',
    `${found.column}, a FLOAT, ENUM, SET, BIT or JSON, whose values the server sorts differently; sort by another column`,
  )
}

/**
 * The condition for rows after a position, as in `a > 1 or (a = 1 and b > 2)`. Both servers read such a range from an
 * index; for `(a, b) > (1, 2)` they scan the index from its beginning.
 */
function isBeyond(
  eb: ExpressionBuilder<AnyDatabase, string>,
  [first, ...rest]: readonly Sorting[],
  [value, ...values]: readonly unknown[],
): Expression<SqlBool> {
  if (first === undefined) return eb.lit(false) // A row does not come after itself.
  const { column, direction } = first
  const further = eb(column, direction === 'asc' ? '>' : '<', value)
  if (rest.length === 0) return further
  return eb.or([further, eb.and([eb(column, '=', value), isBeyond(eb, rest, values)])])
}

/** The server sorts by the first `max_sort_length` bytes, so a cursor with a longer value may skip rows. */
function assertSortedWhole(column: string, value: unknown, answer: DecodeInput): void {
  const { sortedBytes = Infinity } = answer.result
  const bytes =
    typeof value === 'string' ? sortedBytesOf(value) : value instanceof Uint8Array ? value.length : 0
  if (bytes <= sortedBytes) return
  throw new ResultError(
    answer,
    `a value in ${column} that the server sorts as a whole, by ${sortedBytes} bytes at most (max_sort_length)`,
    `one of length ${(value as string | Uint8Array).length}; sort by another column`,
  )
}

/** An upper bound: a collation has up to three weights of two bytes for each decomposed character. */
function sortedBytesOf(text: string): number {
  return 6 * text.normalize('NFKD').length
}

function placeOf(row: TableRow, sorting: readonly Sorting[], answer: DecodeInput): readonly unknown[] {
  return sorting.map(({ column }) => {
    const value = row[column]
    if (isMissing(value)) {
      throw new ResultError(answer, `a value in the sort column ${column}`, String(value))
    }
    assertSortedWhole(column, value, answer)
    return value
  })
}
