/** The types of a table repository, derived from Kysely's types of the table. */
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

/** The columns of the table `R` whose selected type extends `V`. */
export type ColumnOf<R, V> = {
  [C in keyof R]: [SelectType<R[C]>] extends [never] ? never : SelectType<R[C]> extends V ? C : never
}[keyof R] &
  string

/** The columns that can be keys or sort rows: not nullable, since NULL equals nothing, and no objects, which have no order. */
export type KeyColumn<R> = ColumnOf<R, string | number | bigint | boolean | Date | Uint8Array>

/** The columns that may be NULL. */
export type NullableColumn<R> = {
  [C in keyof R]: null extends SelectType<R[C]> ? C : never
}[keyof R] &
  string

/** The options of {@link tableRepository}. Callers can read managed columns, but only the repository writes them. */
export interface TableOptions<K, V, S, C, U> {
  /** The column of the primary key, or the list of its columns. */
  readonly key: K
  /**
   * A column that counts the changes of its row, from 1, for optimistic locking. A change or delete must pass the version
   * that was read, and fails with a `StaleError` if the row has another version by then. Default: none.
   */
  readonly version?: V | undefined
  /**
   * A column for the time of deletion, NULL before. `delete` then sets the column instead of deleting the row, and reads
   * skip the row. Default: none.
   */
  readonly softDelete?: S | undefined
  /** A column for the time of insertion, by the server's clock in milliseconds. Default: none. */
  readonly createdAt?: C | undefined
  /** A column for the time of the last change, by the server's clock in milliseconds. Default: none. */
  readonly updatedAt?: U | undefined
}

/** The parameter and result types of a table repository's functions; {@link TypesOfTable} computes them. */
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
 * The types of the table `T` of the database `DB`. `K` is the key, a column or a list of columns. `V` is the version
 * column, `S` the column that marks deleted rows, `M` the union of the managed columns. Each is `never` without one.
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

/** `T` with its members `C` required. */
type Requiring<T, C> = Omit<T, C & string> & { [P in keyof T & C]: Exclude<T[P], undefined> }

/** `T` as one object type, so that editors show its members. */
type Flat<T> = { [C in keyof T]: T[C] } & {}

/** Options of all functions that read. */
export interface ReadingOptions<X extends TableTypes> {
  /** Whether to include deleted rows; only for tables with `softDelete`. Default: false. */
  readonly withDeleted?: X['withDeleted'] | undefined
}

/** Options of `count` and `exists`. */
export interface FilterOptions<X extends TableTypes> extends ReadingOptions<X> {
  /** The condition for rows, as in `(eb) => eb('cents', '>', 0)`. Default: all rows. */
  readonly where?: ((eb: X['eb']) => Expression<SqlBool>) | undefined
}

/** Options of `list`. */
export interface ListOptions<X extends TableTypes> extends FilterOptions<X> {
  /** The columns to sort by, as in `['city', ['name', 'desc']]`. Default: no defined order. */
  readonly orderBy?: OrderBy<X['sortable']> | undefined
  /** The maximum number of rows. Default: no limit. */
  readonly limit?: number | undefined
}

/** Options of `page`. At most one of `after` and `before` may be given; without both, the result is the first page. */
export interface PageOptions<X extends TableTypes> extends FilterOptions<X> {
  /** The columns to sort by. The key is appended, so that the order is total. Default: the key, ascending. */
  readonly orderBy?: OrderBy<X['sortable']> | undefined
  /** The maximum number of rows, a whole number from 1. */
  readonly limit: number
  /** The `next` of another page: the page begins after the rows of that page. */
  readonly after?: string | undefined
  /** The `previous` of another page: the page ends before the rows of that page. */
  readonly before?: string | undefined
}

/**
 * The functions for every table. All but `select` return queries, with the label `table.function`.
 *
 * They throw a `UsageError` for a key that is null or lacks a column, for an unknown option, and for a column name that
 * differs only in case or accents from a key or managed column.
 */
export interface TableRepository<X extends TableTypes> {
  /** The Kysely builder of all rows that are not deleted, for callers to narrow. */
  readonly select: (options?: ReadingOptions<X>) => X['select']
  /** The row with the key. No row fails with the error of `orElse`, else a `ResultError`. */
  readonly byId: (key: X['key'], options?: ReadingOptions<X> & OneOptions) => Query<X['row'], 'read'>
  /** The row with the key, or `undefined` without one. */
  readonly find: (key: X['key'], options?: ReadingOptions<X>) => Query<X['row'] | undefined, 'read'>
  /** The existing rows with these keys, each once, in no defined order. */
  readonly byIds: (keys: readonly X['key'][], options?: ReadingOptions<X>) => Query<X['row'][], 'read'>
  /** The rows that match the filter. */
  readonly list: (options?: ListOptions<X>) => Query<X['row'][], 'read'>
  /**
   * One page of the rows that match the filter: the first page, or the one after or before another page. A sort column whose
   * values the server sorts differently than it returns them (FLOAT, ENUM, SET, BIT, JSON) fails with a `ResultError`.
   *
   * @throws {UsageError} for an invalid limit or direction, for both of `after` and `before`, and a cursor that was modified
   *   or belongs to another order.
   */
  readonly page: (options: PageOptions<X>) => Query<Page<X['row']>, 'read'>
  /** The number of rows that match the filter. */
  readonly count: (options?: FilterOptions<X>) => Query<number, 'read'>
  /** Whether any row matches the filter. */
  readonly exists: (options?: FilterOptions<X>) => Query<boolean, 'read'>

  /**
   * Inserts the row. The result is its key: the one in the row, or the one that AUTO_INCREMENT generated. A key that is
   * neither fails with a `ResultError`.
   *
   * @throws {UsageError} when several key columns have no value.
   */
  readonly insert: (row: X['newRowWithKey']) => Query<X['key'], 'write'>
  /** Inserts the row. The result is the stored row, with defaults and generated columns; it is read in the same flight. */
  readonly insertAndGet: (row: X['newRow']) => Query<X['row'], 'write'>
  /** Inserts the rows, in one flight with as many statements as the server's limits require. The result is their number. */
  readonly insertMany: (rows: readonly X['newRow'][]) => Query<number, 'write'>
  /**
   * Inserts the row. If a row with the same key exists, or with the same value in another unique index, its values are
   * overwritten instead, whatever its version. A deleted row is restored.
   */
  readonly upsert: (row: X['newRow']) => Query<void, 'write'>

  /**
   * Writes all columns of a row, which was read before and changed. It ignores managed columns, other than the version.
   *
   * For `update`, `patch`, `delete` and `restore`: the result is the row's new version, for a table with versions. A row
   * that does not exist in the passed version fails with a `StaleError`. Without versions, a row that does not exist fails
   * with a `ResultError`.
   *
   * @throws {UsageError} when the key or version is missing, or the row has no other value to write.
   */
  readonly update: (row: X['wholeRow']) => Query<X['version'], 'write'>
  /**
   * Writes some columns of a row. A column that is `undefined` keeps its value.
   *
   * @throws {UsageError} when the key or version is missing, when `changes` has no value, or has a key or managed column.
   */
  readonly patch: (row: X['target'], changes: X['changes']) => Query<X['version'], 'write'>
  /**
   * Deletes a row; for a table with `softDelete`, marks it as deleted. For a table with versions, deletes the row only in
   * the passed version.
   *
   * @throws {UsageError} when the key or version is missing.
   */
  readonly delete: (row: X['target']) => Query<X['versionOfDeleted'], 'write'>
}

/** The additional functions for tables with `softDelete`. */
export interface DeletedRows<X extends TableTypes> {
  /**
   * Removes the mark of a deleted row. A row that is not deleted fails as a missing one does.
   *
   * @throws {UsageError} when the key or version is missing.
   */
  readonly restore: (row: X['target']) => Query<X['version'], 'write'>
}

/** The repository of a table with the types `X`. */
export type RepositoryOfTable<X extends TableTypes> = X['withDeleted'] extends false
  ? TableRepository<X>
  : TableRepository<X> & DeletedRows<X>
