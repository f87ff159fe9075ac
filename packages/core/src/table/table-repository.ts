/** The repository of a table: connects the types of one table with operations that receive names as values. */
import type { Kysely } from 'kysely'
import { page } from './page.ts'
import { defineRepository } from '../query/repository.ts'
import { type AnyDatabase, type Table, tableOf } from './table.ts'
import { insert, insertAndGet, insertMany, upsert } from './insert.ts'
import { byId, byIds, count, exists, find, list, select } from './read.ts'
import type {
  ColumnOf,
  KeyColumn,
  NullableColumn,
  RepositoryOfTable,
  TableOptions,
  TypesOfTable,
} from './types.ts'
import { patch, remove, restore, update } from './update.ts'

type Operation = (table: Table, ...args: never[]) => unknown

const always = {
  select,
  byId,
  find,
  byIds,
  list,
  page,
  count,
  exists,
  insert,
  insertAndGet,
  insertMany,
  upsert,
  update,
  patch,
  delete: remove,
}

/**
 * A repository with the usual functions for one table; see {@link TableRepository}. To add functions, spread it into
 * another repository. Column names are those of the interface `DB`; the plugins of `db` apply.
 *
 * @example
 * ```ts
 * const people = defineRepository('people', {
 *   ...tableRepository(db, 'accounts', { key: 'id' }),
 *   byName: (name: string) =>
 *     maybeOne(db.selectFrom('accounts').selectAll().where('name', '=', name)),
 * })
 * const id = await uow.run(people.insert({ name: 'Eve', cents: 5 })) // 3
 * await uow.run(people.patch(id, { cents: 7 }))
 * const eve = await uow.read(people.byName('Eve')) // { id: 3, name: 'Eve', cents: 7 }
 * ```
 *
 * @throws {UsageError} when the options have no key column, name a column twice, or are unknown.
 */
export function tableRepository<
  DB,
  T extends keyof DB & string,
  const K extends KeyColumn<DB[T]> | readonly [KeyColumn<DB[T]>, ...KeyColumn<DB[T]>[]],
  V extends ColumnOf<DB[T], number | bigint> = never,
  S extends NullableColumn<DB[T]> = never,
  C extends ColumnOf<DB[T], unknown> = never,
  U extends ColumnOf<DB[T], unknown> = never,
>(
  db: Kysely<DB>,
  table: T,
  options: TableOptions<K, V, S, C, U>,
): RepositoryOfTable<TypesOfTable<DB, T, K, V, S, V | S | C | U>> {
  // The operations are untyped: they receive names as values, and only the cast below restores the table's types.
  const known = tableOf(db as unknown as Kysely<AnyDatabase>, table, options)
  const operations = known.managed.softDelete === undefined ? always : { ...always, restore }
  const functions = Object.entries<Operation>(operations).map(
    ([name, operation]) => [name, (...args: never[]) => operation(known, ...args)] as const,
  )
  return defineRepository(table, Object.fromEntries(functions)) as unknown as RepositoryOfTable<
    TypesOfTable<DB, T, K, V, S, V | S | C | U>
  >
}
