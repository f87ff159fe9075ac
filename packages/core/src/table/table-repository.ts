/** A repository with what every table needs. Here the types of its table meet code that gets the names as values. */
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
 * A repository of the table's rows. For functions of your own, spread it into another:
 *
 *     const accounts = defineRepository('accounts', {
 *       ...tableRepository(db, 'accounts', { key: 'id' }),
 *       byEmail: (email: string) => one(db.selectFrom('accounts').selectAll().where('email', '=', email)),
 *     })
 *
 * Names of columns are those of the database's interface; plugins of `db` apply. Throws a `UsageError` for options that
 * name no key, or one column twice.
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
  // The border: these operations get names as values; what they take and give of a known table only its types say.
  const known = tableOf(db as unknown as Kysely<AnyDatabase>, table, options)
  const operations = known.managed.softDelete === undefined ? always : { ...always, restore }
  const functions = Object.entries<Operation>(operations).map(
    ([name, operation]) => [name, (...args: never[]) => operation(known, ...args)] as const,
  )
  return defineRepository(table, Object.fromEntries(functions)) as unknown as RepositoryOfTable<
    TypesOfTable<DB, T, K, V, S, V | S | C | U>
  >
}
