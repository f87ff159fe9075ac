/** Declarations that the examples of docstrings share; `docstrings.test.ts` creates the tables. */
import { tableRepository, type UnitOfWork } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { Generated, Kysely } from 'kysely'
import type { Connection } from 'mysql2/promise'

export interface Database {
  accounts: { id: Generated<number>; name: string; cents: number }
  orders: { id: Generated<number>; accountId: number; item: string }
}

export const db: Kysely<Database> = mysqlBuilder<Database>()

export const accounts = tableRepository(db, 'accounts', { key: 'id' })

export const orders = tableRepository(db, 'orders', { key: 'id' })

/** The parameters of an example's module. */
export interface Context {
  readonly uow: UnitOfWork<Connection>
  /** Compares a value, as `console.log` prints it, with the comment behind a statement. */
  readonly check: (value: unknown, comment: string) => void
  /** Fails unless the statement throws, or rejects with, an error of that name. */
  readonly throws: (statement: () => Promise<void>, name: string) => Promise<void>
}
