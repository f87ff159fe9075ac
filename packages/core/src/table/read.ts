/** Reads rows of a table. */
import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, sql, type SqlBool } from 'kysely'
import { succeed } from '../query/combinators.ts'
import { UsageError } from '../errors/errors.ts'
import { assertOptions, checkedElsewhere, type OptionChecks } from '../options/check-options.ts'
import type { Query } from '../query/query.ts'
import { many, maybeOne, one, type OneOptions } from '../query/result-shapes.ts'
import { type AnyDatabase, type Reading, type TableRow, rowsOf, type Table } from './table.ts'
import { hasKey, hasKeyIn, toKey } from './key.ts'
import { type OrderBy, sorted, sortingOf } from './order.ts'

export interface Filter extends Reading {
  readonly where?: ((eb: ExpressionBuilder<AnyDatabase, string>) => Expression<SqlBool>) | undefined
}

export interface Listing extends Filter {
  readonly orderBy?: OrderBy<string> | undefined
  readonly limit?: number | undefined
}

export function select(
  table: Table,
  reading: Reading = {},
): SelectQueryBuilder<AnyDatabase, string, TableRow> {
  assertOptions(`${table.name}.select`, reading, READING)
  return rowsOf(table, reading).selectAll()
}

/**
 * The builder of the rows that match the filter.
 *
 * @throws {UsageError} for an unknown option.
 */
export function filtered(
  table: Table,
  { where, ...reading }: Filter,
): SelectQueryBuilder<AnyDatabase, string, object> {
  const rows = rowsOf(table, reading)
  // Parentheses, because raw SQL may contain an `or`.
  return where === undefined ? rows : rows.where((eb) => eb.parens(where(eb)))
}

const READING: OptionChecks<keyof Reading> = { withDeleted: 'boolean' }
const ONE: OptionChecks<keyof (OneOptions & Reading)> = { orElse: 'function', ...READING }
const FILTER: OptionChecks<keyof Filter> = { where: 'function', ...READING }
const LISTING: OptionChecks<keyof Listing> = {
  where: 'function',
  orderBy: 'array',
  limit: checkedElsewhere,
  ...READING,
}

export function byId(table: Table, key: unknown, options: OneOptions & Reading = {}): Query<TableRow> {
  assertOptions(`${table.name}.byId`, options, ONE)
  const { orElse, ...reading } = options
  const row = select(table, reading).where(hasKey(toKey(table, key)))
  return one(row, orElse === undefined ? {} : { orElse })
}

export function find(table: Table, key: unknown, reading: Reading = {}): Query<TableRow | undefined> {
  assertOptions(`${table.name}.find`, reading, READING)
  return maybeOne(select(table, reading).where(hasKey(toKey(table, key))))
}

export function byIds(table: Table, keys: readonly unknown[], reading: Reading = {}): Query<TableRow[]> {
  assertOptions(`${table.name}.byIds`, reading, READING)
  if (keys.length === 0) return succeed([])
  const listed = keys.map((key) => toKey(table, key))
  return many(select(table, reading).where(hasKeyIn(table, listed)))
}

export function list(table: Table, options: Listing = {}): Query<TableRow[]> {
  assertOptions(`${table.name}.list`, options, LISTING)
  const { orderBy = [], limit, ...filter } = options
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw new UsageError(`${table.name}.list: expected limit to be a whole number from 0, got ${limit}`)
  }
  const rows = sorted(filtered(table, filter).selectAll(), sortingOf(table, orderBy))
  return many(limit === undefined ? rows : rows.limit(limit))
}

export function count(table: Table, filter: Filter = {}): Query<number> {
  assertOptions(`${table.name}.count`, filter, FILTER)
  const counted = filtered(table, filter).select((eb) => eb.fn.countAll().as('n'))
  return one(counted).map(({ n }) => Number(n))
}

export function exists(table: Table, filter: Filter = {}): Query<boolean> {
  assertOptions(`${table.name}.exists`, filter, FILTER)
  const found = filtered(table, filter).select(sql.lit(1).as('n')).limit(1)
  return many(found).map((rows) => rows.length > 0)
}
