import {
  affected,
  createUnitOfWork,
  defineRepository,
  inserted,
  many,
  maybeOne,
  one,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder, mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import type { ServerAddress } from '@leasehold/test-support/server'
import type { Generated } from 'kysely'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, inject } from 'vitest'

export interface Database {
  accounts: { id: Generated<number>; name: string; cents: number }
}

export const db = mysqlBuilder<Database>()

export const accounts = defineRepository('accounts', {
  all: () => many(db.selectFrom('accounts').selectAll().orderBy('id')),
  byId: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  find: (id: number) => maybeOne(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  lock: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id).forUpdate()),
  open: (name: string, cents: number) => inserted(db.insertInto('accounts').values({ name, cents })),
  add: (id: number, cents: number) =>
    affected(
      db
        .updateTable('accounts')
        .set((e) => ({ cents: e('cents', '+', cents) }))
        .where('id', '=', id),
      { exactly: 1 },
    ),
})

/** A database of the test file's own, with accounts 1 to 9 of 100 cents each before every test. */
export interface Fixture {
  readonly server: ServerAddress
  readonly database: TestDatabase
  /** A connection that has nothing to do with Leasehold: it sees what really is in the database. */
  readonly oracle: Connection
  /** A unit of work that is closed when the file is done. */
  uow(options?: Partial<MysqlDriverOptions>): UnitOfWork<Connection>
  /** What is committed: account ids and their cents. */
  balances(): Promise<Record<number, number>>
  /** Puts the accounts back to where they were. */
  restore(): Promise<void>
  rows<R>(sql: string, values?: unknown[]): Promise<R[]>
  /** What the sessions of the database, but for the oracle's, are doing. */
  sessions(): Promise<{ id: number; statement: string | null }[]>
  /** Until no transaction holds a lock on an account. */
  unlocked(): Promise<void>
}

export const UNTOUCHED: Readonly<Record<number, number>> = Object.fromEntries(
  Array.from({ length: 9 }, (_, index) => [index + 1, 100]),
)

export function useFixture(): Fixture {
  const server = inject('server')
  const units: UnitOfWork[] = []
  let database: TestDatabase
  let oracle: Connection

  const rows = async <R>(sql: string, values: unknown[] = []): Promise<R[]> => {
    const [found] = await oracle.query<RowDataPacket[]>(sql, values)
    return found as R[]
  }

  async function restore(): Promise<void> {
    await oracle.query('delete from accounts')
    const values = Object.entries(UNTOUCHED).map(([id, cents]) => [Number(id), `account ${id}`, cents])
    await oracle.query('insert into accounts (id, name, cents) values ?', [values])
  }

  beforeAll(async () => {
    database = await createDatabase(server)
    const { host, port, user, password } = server
    oracle = await createConnection({ host, port, user, password, database: database.name })
    await oracle.query(
      'create table accounts (id int primary key auto_increment, name varchar(50) not null unique, cents bigint not null)',
    )
    await restore()
  })

  afterAll(async () => {
    await Promise.all(units.map((unit) => unit.close()))
    await oracle.end()
    await database.drop()
  })

  return {
    server,
    get database() {
      return database
    },
    get oracle() {
      return oracle
    },
    uow(options = {}) {
      const unit = createUnitOfWork({ driver: mysqlDriver({ uri: database.uri, ...options }) })
      units.push(unit)
      return unit
    },
    async balances() {
      const found = await rows<{ id: number; cents: number }>('select id, cents from accounts')
      return Object.fromEntries(found.map(({ id, cents }) => [id, cents]))
    },
    restore,
    rows,
    async sessions() {
      for (;;) {
        try {
          return await rows<{ id: number; statement: string | null }>(
            'select id, info as statement from information_schema.processlist where db = ? and id <> connection_id()',
            [database.name],
          )
        } catch (error) {
          // MySQL fails to show a statement with characters beyond utf8mb3, which somebody else may be running.
          if (!(error instanceof Error) || !error.message.startsWith('Cannot convert string')) throw error
        }
      }
    },
    async unlocked() {
      await rows('select id from accounts for update')
    },
  }
}

/** Waits until `condition` holds, which it must within a few seconds. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the condition did not come true within 5 s')
}
