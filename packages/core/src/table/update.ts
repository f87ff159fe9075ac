/** Changes and deletes single rows of a table; for a table with versions, only in the version that was read. */
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { fail, succeed } from '../query/combinators.ts'
import { ResultError, StaleError, UsageError } from '../errors/errors.ts'
import type { Builder, Query } from '../query/query.ts'
import { maybeOne, shape } from '../query/result-shapes.ts'
import {
  type AnyDatabase,
  isReserved,
  ownValues,
  type TableRow,
  type Table,
  whenChanged,
  whenDeleted,
} from './table.ts'
import { keyIn, toKey } from './key.ts'

type Version = number | bigint

/** The row to change. */
interface Target {
  readonly key: TableRow
  /** The version that was read; `undefined` for a table without versions. */
  readonly version: Version | undefined
  readonly deleted: boolean
}

/** The query that writes a row. As for `patch`, `remove` and `restore`, its result is the new version, if the table has versions. */
export function update(table: Table, row: TableRow): Query<Version | void> {
  const target = { key: keyIn(table, row), version: versionIn(table, row), deleted: false }
  return changed(table, target, changes(table, row))
}

export function patch(table: Table, target: unknown, columns: TableRow): Query<Version | void> {
  const given = Object.keys(columns).filter((column) => columns[column] !== undefined)
  const reserved = given.find((column) => isReserved(table, column))
  if (reserved !== undefined) {
    throw new UsageError(
      `${table.name}: ${reserved} can't be patched, because it is a key or managed column; leave it out of the changes`,
    )
  }
  return changed(table, targetOf(table, target, false), changes(table, columns))
}

/** The query that deletes a row, or marks it as deleted if the table has `softDelete`. */
export function remove(table: Table, given: unknown): Query<Version | void> {
  const target = targetOf(table, given, false)
  if (table.managed.softDelete === undefined) {
    const statement = table.db.deleteFrom(table.name).where(isTarget(table, target))
    return written(table, target, statement).map(() => undefined)
  }
  return changed(table, target, whenDeleted(table, true))
}

export function restore(table: Table, given: unknown): Query<Version | void> {
  return changed(table, targetOf(table, given, true), whenDeleted(table, false))
}

function changes(table: Table, row: TableRow): TableRow {
  const own = ownValues(table, row)
  if (Object.keys(own).length > 0) return own
  const given = Object.keys(row).length === 0 ? 'none' : 'only undefined, and key and managed columns'
  throw new UsageError(
    `${table.name}: expected values to write, got ${given}; pass a value of another column`,
  )
}

function targetOf(table: Table, given: unknown, deleted: boolean): Target {
  if (table.managed.version === undefined) return { key: toKey(table, given), version: undefined, deleted }
  if (typeof given !== 'object' || given === null) {
    throw new UsageError(
      `${table.name}: expected the row as it was read, with ${table.key.join(', ')} and ${table.managed.version}, got ${
        given === null ? 'null' : typeof given
      }`,
    )
  }
  const key = keyIn(table, given)
  return { key, version: versionIn(table, given as TableRow), deleted }
}

function versionIn({ name, managed }: Table, row: TableRow): Version | undefined {
  if (managed.version === undefined) return undefined
  const version = row[managed.version]
  if (typeof version === 'bigint') return version
  if (typeof version === 'number') {
    if (Number.isSafeInteger(version) && Number.isSafeInteger(version + 1)) return version
    throw new UsageError(
      `${name}: expected ${managed.version} to be a whole number below 2^53 - 1, got ${version}; set the driver's option bigints ` +
        "to 'bigint'",
    )
  }
  throw new UsageError(
    `${name}: expected ${managed.version} to be the version that the row was read in, got ${version === null ? 'null' : typeof version}`,
  )
}

function changed(table: Table, target: Target, values: TableRow): Query<Version | void> {
  const statement = table.db
    .updateTable(table.name)
    .set({ ...values, ...whenChanged(table) })
    .where(isTarget(table, target))
  return written(table, target, statement)
}

/** The condition that selects the target row, in its version. */
function isTarget(
  { managed: { softDelete, version } }: Table,
  target: Target,
): (eb: ExpressionBuilder<AnyDatabase, string>) => Expression<SqlBool> {
  return (eb) =>
    eb.and([
      ...Object.entries(target.key).map(([column, value]) => eb(column, '=', value)),
      ...(softDelete === undefined ? [] : [eb(softDelete, target.deleted ? 'is not' : 'is', null)]),
      ...(version === undefined || target.version === undefined ? [] : [eb(version, '=', target.version)]),
    ])
}

/** The query of a statement that must match the target row; its result is the new version. */
function written(table: Table, target: Target, statement: Builder): Query<Version | void> {
  const { version } = target
  const found = shape(statement, (answer) => {
    const { affectedRows } = answer.result
    if (affectedRows === 1 || (affectedRows === 0 && version !== undefined)) return affectedRows === 1
    throw new ResultError(answer, 'one row with the key', affectedRows === 0 ? 'none' : `${affectedRows}`)
  })
  if (version === undefined) return found.map(() => undefined)
  const next = typeof version === 'bigint' ? version + 1n : version + 1
  return found.andThen((isFound) => (isFound ? succeed(next) : stale(table, target, version)))
}

/** The query that fails with a `StaleError`, after it has read the row's current version. */
function stale(table: Table, target: Target, expected: Version): Query<never> {
  const { version = '' } = table.managed
  const now = { ...target, version: undefined }
  // A locking read, because a plain one may read the snapshot that the old version came from.
  const row = table.db.selectFrom(table.name).select(version).where(isTarget(table, now)).forUpdate()
  return maybeOne(row).andThen((row) => {
    const actual = row?.[version] as Version | undefined
    return fail(new StaleError({ table: table.name, key: target.key, expected, actual }))
  })
}
