/** A table as the functions of its repository know it: its key, and the columns that they look after. */
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import { assertKnown } from '../options/known-options.ts'

/** Any database, for code that gets the names of tables and columns as values. */
export type AnyDatabase = Record<string, Record<string, unknown>>

export type TableRow = Readonly<Record<string, unknown>>

/** The columns that callers read and the repository writes. */
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
  /** Whether a key is given as a record of its columns, and not as the value of its only one. */
  readonly composite: boolean
  readonly managed: ManagedColumns
  /** The columns of the key, and the managed ones. */
  readonly reserved: ReadonlySet<string>
  /** Their names here and on the server, in a form that is equal where the servers take names for one. */
  readonly reservedForms: ReadonlySet<string>
}

const OPTIONS: ReadonlySet<string> = new Set(['key', 'version', 'softDelete', 'createdAt', 'updatedAt'])

/** Throws a {@link UsageError} for a key without columns, and for a column that has two parts to play. */
export function tableOf(
  db: Kysely<AnyDatabase>,
  name: string,
  { key, ...managed }: ManagedColumns & { readonly key: string | readonly string[] },
): Table {
  assertKnown(`tableRepository ${name}`, { key, ...managed }, OPTIONS)
  const composite = typeof key !== 'string'
  const keyColumns = composite ? [...key] : [key]
  const { version, softDelete, createdAt, updatedAt } = managed
  const columns = [...keyColumns, version, softDelete, createdAt, updatedAt].filter(
    (column) => column !== undefined,
  )
  if (keyColumns.length === 0) {
    throw new UsageError(`${name}: expected a key of at least one column, got none`)
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
 * What a row says of all other columns. Throws a {@link UsageError} for one of the reserved columns under a name that is
 * another only to JavaScript: the servers tell names of columns apart without regard to case and accents.
 */
export function ownValues(table: Table, row: TableRow): TableRow {
  const own = Object.entries(row).filter(([column]) => !table.reserved.has(column))
  const other = own.find(([column]) => isReserved(table, column))
  if (other === undefined) return values(own)
  throw new UsageError(
    `${table.name}: ${other[0]} is, but for its case, a column of the key or one that the repository writes by itself`,
  )
}

/** Whether the servers take it for a column of the key or a managed one. */
export function isReserved({ reserved, reservedForms }: Table, column: string): boolean {
  return reserved.has(column) || reservedForms.has(nameForm(column))
}

/** Equal for names that the servers take for one (collation utf8mb3_general_ci). */
function nameForm(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('ı', 'i')
}

/** The managed columns of a new row. */
export function whenInserted({ managed: { version, createdAt, updatedAt } }: Table): TableRow {
  return values([
    [version, 1],
    [createdAt, NOW],
    [updatedAt, NOW],
  ])
}

/** The managed columns of a row that is changed. */
export function whenChanged({ managed: { version, updatedAt } }: Table): TableRow {
  return values([
    [version, version === undefined ? undefined : sql`${sql.ref(version)} + 1`],
    [updatedAt, NOW],
  ])
}

/** The column that tells whether a row is deleted. */
export function whenDeleted({ managed: { softDelete } }: Table, deleted: boolean): TableRow {
  return values([[softDelete, deleted ? NOW : null]])
}

/**
 * The server's clock, which is one for all clients; to the millisecond, because that is what a `Date` holds, and a
 * column with microseconds is then still one that can be read.
 */
const NOW = sql`current_timestamp(3)`

function values(entries: readonly (readonly [string | undefined, unknown])[]): TableRow {
  const given = entries.filter(
    (entry): entry is readonly [string, unknown] => entry[0] !== undefined && entry[1] !== undefined,
  )
  return Object.fromEntries(given)
}

export interface Reading {
  /** Whether deleted rows are there as well. */
  readonly withDeleted?: boolean | undefined
}

/** The rows of the table that are not deleted, or also those that are. */
export function rowsOf(
  { db, name, managed: { softDelete } }: Table,
  { withDeleted = false }: Reading = {},
): SelectQueryBuilder<AnyDatabase, string, object> {
  const rows = db.selectFrom(name)
  return softDelete === undefined || withDeleted ? rows : rows.where(softDelete, 'is', null)
}
