/** The facts of a table that its repository uses: name, key and managed columns. */
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import { assertOptions, checkedElsewhere, type OptionChecks } from '../options/check-options.ts'

/** The type of any database, for code that receives the names of tables and columns as values. */
export type AnyDatabase = Record<string, Record<string, unknown>>

export type TableRow = Readonly<Record<string, unknown>>

/** The columns that only the repository writes; callers may read them. */
export interface ManagedColumns {
  readonly version?: string | undefined
  readonly softDelete?: string | undefined
  readonly createdAt?: string | undefined
  readonly updatedAt?: string | undefined
}

export interface Table {
  readonly db: Kysely<AnyDatabase>
  readonly name: string
  readonly key: readonly string[]
  /** Whether callers pass a key as a record of its columns, instead of the value of a single column. */
  readonly composite: boolean
  readonly managed: ManagedColumns
  /** The key columns and the managed columns. */
  readonly reserved: ReadonlySet<string>
  /** Their names here and on the server, in a form that is equal where the servers take names for one. */
  readonly reservedForms: ReadonlySet<string>
}

const OPTIONS: OptionChecks<keyof ManagedColumns | 'key'> = {
  key: checkedElsewhere,
  version: 'string',
  softDelete: 'string',
  createdAt: 'string',
  updatedAt: 'string',
}

/**
 * The table of a repository's options.
 *
 * @throws {UsageError} for an unknown option, a key without columns, or a column with two roles.
 */
export function tableOf(
  db: Kysely<AnyDatabase>,
  name: string,
  options: ManagedColumns & { readonly key?: string | readonly string[] },
): Table {
  assertOptions(`tableRepository ${name}`, options, OPTIONS)
  const { key = [], ...managed } = options
  const composite = typeof key !== 'string'
  const keyColumns = composite ? [...key] : [key]
  const { version, softDelete, createdAt, updatedAt } = managed
  const columns = [...keyColumns, version, softDelete, createdAt, updatedAt].filter(
    (column) => column !== undefined,
  )
  if (keyColumns.length === 0) {
    throw new UsageError(`${name}: expected a key of at least one column, got none; set the option key`)
  }
  const twice = columns.find((column, index) => columns.indexOf(column) !== index)
  if (twice !== undefined) {
    throw new UsageError(
      `${name}: expected different columns for key, version, softDelete, createdAt and updatedAt, got ${twice} twice`,
    )
  }
  let forms: ReadonlySet<string> | undefined
  return {
    db,
    name,
    key: keyColumns,
    composite,
    managed,
    reserved: new Set(columns),
    get reservedForms() {
      forms ??= new Set(namesOf(this, columns).map(nameForm))
      return forms
    },
  }
}

function namesOf(table: Pick<Table, 'db' | 'name'>, columns: readonly string[]): readonly string[] {
  try {
    return [...columns, ...columns.map((column) => serverNameOf(table, column))]
  } catch {
    // A plugin that throws does so for the statement, too, which then fails its unit.
    return columns
  }
}

/** The name of a column on the server, which plugins decide, in lower case. */
export function serverNameOf({ db, name }: Pick<Table, 'db' | 'name'>, column: string): string {
  const { sql: text } = db.selectFrom(name).select(column).compile()
  const quoted = /^select `((?:[^`]|``)+)`/u.exec(text)?.[1] ?? column
  return quoted.replaceAll('``', '`').toLowerCase()
}

/**
 * The values of a row without those of reserved columns.
 *
 * @throws {UsageError} for a name that differs from a reserved column only in case or accents, which servers ignore in
 *   column names.
 */
export function ownValues(table: Table, row: TableRow): TableRow {
  const own = Object.entries(row).filter(([column]) => !table.reserved.has(column))
  const other = own.find(([column]) => isReserved(table, column))
  if (other === undefined) return values(own)
  throw new UsageError(
    `${table.name}: ${other[0]} differs only in case or accents from a key or managed column; use the name of that column`,
  )
}

/** Whether the servers consider the name that of a key or managed column. */
export function isReserved({ reserved, reservedForms }: Table, column: string): boolean {
  return reserved.has(column) || reservedForms.has(nameForm(column))
}

/** Equal for column names that the servers consider equal (collation utf8mb3_general_ci). */
function nameForm(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('ı', 'i')
}

/** The values of the managed columns of a new row. */
export function whenInserted({ managed: { version, createdAt, updatedAt } }: Table): TableRow {
  return values([
    [version, 1],
    [createdAt, NOW],
    [updatedAt, NOW],
  ])
}

/** The values of the managed columns of a changed row. */
export function whenChanged({ managed: { version, updatedAt } }: Table): TableRow {
  return values([
    [version, version === undefined ? undefined : sql`${sql.ref(version)} + 1`],
    [updatedAt, NOW],
  ])
}

/** The value of the column that marks deleted rows. */
export function whenDeleted({ managed: { softDelete } }: Table, deleted: boolean): TableRow {
  return values([[softDelete, deleted ? NOW : null]])
}

/**
 * The server's clock, which all clients share. It is cut to milliseconds, the precision of a `Date`, so that a `Date` can
 * hold the values of a column with microseconds, too.
 */
const NOW = sql`current_timestamp(3)`

function values(entries: readonly (readonly [string | undefined, unknown])[]): TableRow {
  const given = entries.filter(
    (entry): entry is readonly [string, unknown] => entry[0] !== undefined && entry[1] !== undefined,
  )
  return Object.fromEntries(given)
}

export interface Reading {
  /** Whether to include deleted rows. Default: false. */
  readonly withDeleted?: boolean | undefined
}

/** The builder of the table's rows, by default without deleted rows. */
export function rowsOf(
  { db, name, managed: { softDelete } }: Table,
  { withDeleted = false }: Reading = {},
): SelectQueryBuilder<AnyDatabase, string, object> {
  const rows = db.selectFrom(name)
  return softDelete === undefined || withDeleted ? rows : rows.where(softDelete, 'is', null)
}
