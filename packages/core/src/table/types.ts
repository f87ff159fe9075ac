/** The types of a table repository, read off Kysely's types of the table. */
import type {
  Expression,
  ExpressionBuilder,
  Insertable,
  Selectable,
  SelectQueryBuilder,
  SelectType,
  SqlBool,
  Updateable,
  UpdateType,
} from 'kysely'
import type { Page } from './page.ts'
import type { Query } from '../query/query.ts'
import type { OneOptions } from '../query/result-shapes.ts'
import type { OrderBy } from './order.ts'

/** Columns of the table `R` whose values, as they are read, are all of type `V`. */
export type ColumnOf<R, V> = {
  [C in keyof R]: [SelectType<R[C]>] extends [never] ? never : SelectType<R[C]> extends V ? C : never
}[keyof R] &
  string

/** Columns that rows can be found and sorted by: NULL is equal to nothing, and objects have no order. */
export type KeyColumn<R> = ColumnOf<R, string | number | bigint | boolean | Date | Uint8Array>

/** Columns that may be NULL. */
export type NullableColumn<R> = {
  [C in keyof R]: null extends SelectType<R[C]> ? C : never
}[keyof R] &
  string

export interface TableOptions<K, V, S, C, U> {
  /** The column of the primary key, or the list of its columns. */
  readonly key: K
  /**
   * A column that counts the changes of its row, from 1. Whoever changes or deletes a row then passes the version that
   * they read it in, and gets a `StaleError` if it is another by now.
   */
  readonly version?: V
  /** A column for the time of deletion, NULL until then: `delete` marks the row, and reads pass over it. */
  readonly softDelete?: S
  /** A column for the time of insertion, on the server's clock. */
  readonly createdAt?: C
  /** A column for the time of the last change, on the server's clock. */
  readonly updatedAt?: U
}

/** What the functions of a table repository take and give: see {@link TypesOfTable}. */
export interface TableTypes {
  readonly eb: unknown
  readonly select: unknown
  readonly row: unknown
  readonly key: unknown
  readonly sortable: string
  readonly withDeleted: boolean
  readonly newRow: unknown
  readonly newRowWithKey: unknown
  readonly wholeRow: unknown
  readonly changes: unknown
  readonly target: unknown
  readonly version: unknown
  readonly versionOfDeleted: unknown
}

/**
 * The types for the table `T` of the database `DB`, with the key `K` (a column or a list of them), the column `V` of its
 * version and the column `S` that marks deleted rows (`never` where there is none), and all managed columns `M`.
 */
export interface TypesOfTable<DB, T extends keyof DB & string, K, V, S, M> extends TableTypes {
  readonly eb: ExpressionBuilder<DB, T>
  readonly select: SelectQueryBuilder<DB, T, Flat<Selectable<DB[T]>>>
  readonly row: Flat<Selectable<DB[T]>>
  readonly key: KeyOf<DB[T], K>
  readonly sortable: KeyColumn<DB[T]>
  readonly withDeleted: [S] extends [never] ? false : boolean
  readonly newRow: Flat<Omit<Insertable<DB[T]>, M & string>>
  readonly newRowWithKey: Flat<
    Requiring<Omit<Insertable<DB[T]>, M & string>, Exclude<ColumnsOf<K>, ColumnOf<DB[T], number>>>
  >
  readonly wholeRow: Flat<
    Pick<Selectable<DB[T]>, keyof Selectable<DB[T]> & (ColumnsOf<K> | V)> & {
      [C in WritableColumn<DB[T], K, M>]: UpdateType<DB[T][C]>
    } & { [C in Exclude<keyof DB[T], keyof Updateable<DB[T]> | ColumnsOf<K> | M>]?: never }
  >
  readonly changes: Flat<Omit<Updateable<DB[T]>, (ColumnsOf<K> | M) & string>>
  readonly target: [V] extends [never]
    ? KeyOf<DB[T], K>
    : Flat<Pick<Selectable<DB[T]>, keyof Selectable<DB[T]> & (ColumnsOf<K> | V)>>
  readonly version: VersionOf<DB[T], V>
  readonly versionOfDeleted: [S] extends [never] ? void : VersionOf<DB[T], V>
}

type ColumnsOf<K> = K extends readonly (infer C)[] ? C : K

type KeyOf<R, K> = K extends keyof R
  ? SelectType<R[K]>
  : Flat<Pick<Selectable<R>, keyof Selectable<R> & ColumnsOf<K>>>

type VersionOf<R, V> = [V] extends [never] ? void : V extends keyof R ? SelectType<R[V]> : never

type WritableColumn<R, K, M> = keyof R & Exclude<keyof Updateable<R>, ColumnsOf<K> | M>

/** A type with some of its members no longer optional. */
type Requiring<T, C> = Omit<T, C & string> & { [P in keyof T & C]: Exclude<T[P], undefined> }

/** The members of a type in one piece, as it is shown to a reader. */
type Flat<T> = { [C in keyof T]: T[C] } & {}

export interface ReadingOptions<X extends TableTypes> {
  /** Whether deleted rows are there as well; for tables that mark them only. */
  readonly withDeleted?: X['withDeleted']
}

export interface FilterOptions<X extends TableTypes> extends ReadingOptions<X> {
  /** What must hold for a row, as in `(eb) => eb('cents', '>', 0)`. */
  readonly where?: (eb: X['eb']) => Expression<SqlBool>
}

export interface ListOptions<X extends TableTypes> extends FilterOptions<X> {
  /** As in `['city', ['name', 'desc']]`; in any order unless given. */
  readonly orderBy?: OrderBy<X['sortable']>
  /** The most rows to give. */
  readonly limit?: number
}

export interface PageOptions<X extends TableTypes> extends FilterOptions<X> {
  /** The key comes last, so that the order is a definite one. */
  readonly orderBy?: OrderBy<X['sortable']>
  /** The most rows to give, from 1. */
  readonly limit: number
  /** The `next` of a page before. */
  readonly after?: string | undefined
  /** The `previous` of a page behind. */
  readonly before?: string | undefined
}

/** The functions that every table has; each is a query under the label `table.function`. */
export interface TableRepository<X extends TableTypes> {
  /** A builder of all rows that are not deleted, to be narrowed further. */
  readonly select: (options?: ReadingOptions<X>) => X['select']
  /** The row with the key; none is a `ResultError`, or what `orElse` makes. */
  readonly byId: (key: X['key'], options?: ReadingOptions<X> & OneOptions) => Query<X['row'], 'read'>
  /** The row with the key, or `undefined`. */
  readonly find: (key: X['key'], options?: ReadingOptions<X>) => Query<X['row'] | undefined, 'read'>
  /** The rows with these keys that there are, each once, in any order. */
  readonly byIds: (keys: readonly X['key'][], options?: ReadingOptions<X>) => Query<X['row'][], 'read'>
  /** The rows that a filter lets through; all unless given. */
  readonly list: (options?: ListOptions<X>) => Query<X['row'][], 'read'>
  /**
   * One page of an order: the first, or that after or before another. Throws a `UsageError` for what is no cursor of the
   * same table and order.
   */
  readonly page: (options: PageOptions<X>) => Query<Page<X['row']>, 'read'>
  /** How many rows a filter lets through. */
  readonly count: (options?: FilterOptions<X>) => Query<number, 'read'>
  /** Whether a filter lets any row through. */
  readonly exists: (options?: FilterOptions<X>) => Query<boolean, 'read'>

  /** Gives the key: the row's own, or what AUTO_INCREMENT made. A key that is neither is a `ResultError`. */
  readonly insert: (row: X['newRowWithKey']) => Query<X['key'], 'write'>
  /** Gives the row as it is in the table then, in the same flight. */
  readonly insertAndGet: (row: X['newRow']) => Query<X['row'], 'write'>
  /** Gives the number of rows. They are sent at once, in as many statements as the server's limits ask for. */
  readonly insertMany: (rows: readonly X['newRow'][]) => Query<number, 'write'>
  /**
   * Inserts the row. If a row with its key is there, or with the same value in another unique index, that one gets the
   * values instead, in whatever version it is; and it is no longer deleted.
   */
  readonly upsert: (row: X['newRow']) => Query<void, 'write'>

  /**
   * Writes a whole row, as it was read and changed since; managed columns in it are passed over. Like `patch`, `delete`
   * and `restore` it gives the row's new version where there are versions, and fails with a {@link StaleError} if it is
   * not there in the version that was passed; without versions a row that is not there is a `ResultError`.
   */
  readonly update: (row: X['wholeRow']) => Query<X['version'], 'write'>
  /** Writes some columns of a row; those that are `undefined` stay. Throws a `UsageError` if none is left. */
  readonly patch: (row: X['target'], changes: X['changes']) => Query<X['version'], 'write'>
  /** Marks a row as deleted, or deletes it where there is no column for that. */
  readonly delete: (row: X['target']) => Query<X['versionOfDeleted'], 'write'>
}

/** What there is besides where deleted rows are marked. */
export interface DeletedRows<X extends TableTypes> {
  /** Undoes `delete`. */
  readonly restore: (row: X['target']) => Query<X['version'], 'write'>
}

/** The functions of a repository whose table is of the types `X`. */
export type RepositoryOfTable<X extends TableTypes> = X['withDeleted'] extends false
  ? TableRepository<X>
  : TableRepository<X> & DeletedRows<X>
