/** What the type tests speak about: a database, its builder, a repository and a unit of work. */
import {
  affected,
  createUnitOfWork,
  defineRepository,
  type Driver,
  inserted,
  many,
  maybeOne,
  one,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { ColumnType, Generated, Kysely } from 'kysely'

export interface Database {
  accounts: {
    id: Generated<number>
    name: string
    frozen: boolean | null
    opened: ColumnType<Date, Date | string, never>
  }
  entries: { id: Generated<number>; account: number; cents: number }
}

export interface Account {
  id: number
  name: string
  frozen: boolean | null
  opened: Date
}

export const db: Kysely<Database> = mysqlBuilder<Database>()
export declare const driver: Driver
export const uow: UnitOfWork = createUnitOfWork({ driver })

export const accounts = defineRepository('accounts', {
  byId: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  find: (id: number) => maybeOne(db.selectFrom('accounts').select('name').where('id', '=', id)),
  list: () => many(db.selectFrom('accounts').select(['id', 'name'])),
  open: (name: string) =>
    inserted(db.insertInto('accounts').values({ name, frozen: null, opened: '2026-01-01' })),
  freeze: (id: number) =>
    affected(db.updateTable('accounts').set({ frozen: true }).where('id', '=', id), { exactly: 1 }),
  builder: () => db.selectFrom('accounts').select('id'),
})
