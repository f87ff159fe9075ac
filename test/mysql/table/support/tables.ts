/** Tables for the tests of table repositories, and a database that has them. */
import { defineRepository, one, tableRepository, type UnitOfWork } from '@leasehold/core'
import { mysqlBuilder, type MysqlDriverOptions } from '@leasehold/mysql'
import { CamelCasePlugin, type Generated, type GeneratedAlways, type Kysely } from 'kysely'
import type { RowDataPacket } from 'mysql2/promise'
import { beforeAll, beforeEach } from 'vitest'
import { type Fixture, useFixture } from '../../support/fixture.ts'

export interface Tables {
  people: {
    id: Generated<number>
    email: string
    name: string
    cents: Generated<number>
    note: string | null
    nameLength: GeneratedAlways<number>
    version: number
    createdAt: Date
    updatedAt: Date
    deletedAt: Date | null
  }
  lines: { orderId: number; line: number; text: string }
  counters: { shop: string; number: Generated<number> }
  documents: { id: Generated<string>; body: string }
  files: { digest: Buffer; at: Date; size: bigint; name: string }
}

export const DEFINITIONS: readonly string[] = [
  `create table people (
    id int primary key auto_increment, email varchar(100) not null unique, name varchar(50) not null,
    cents bigint not null default 0, note text null,
    name_length int generated always as (char_length(name)) stored,
    version int not null, created_at datetime(3) not null, updated_at datetime(3) not null, deleted_at datetime(3) null,
    key (cents), key (name, cents))`,
  'create table `lines` (order_id int not null, line int not null, text varchar(50) not null, primary key (order_id, line))',
  'create table counters (shop varchar(20) not null, number int not null auto_increment, primary key (shop, number), key (number))',
  'create table documents (id varchar(36) primary key default (uuid()), body longtext not null)',
  'create table files (digest varbinary(500) primary key, at datetime(3) not null, size bigint not null, name varchar(50) not null)',
]

export const db: Kysely<Tables> = mysqlBuilder<Tables>({ plugins: [new CamelCasePlugin()] })

const table = tableRepository(db, 'people', {
  key: 'id',
  version: 'version',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  softDelete: 'deletedAt',
})

export const people = defineRepository('people', {
  ...table,
  byEmail: (email: string) => one(table.select().where('email', '=', email)),
})

export const lines = tableRepository(db, 'lines', { key: ['orderId', 'line'] })
export const counters = tableRepository(db, 'counters', { key: ['shop', 'number'] })
export const documents = tableRepository(db, 'documents', { key: 'id' })
export const files = tableRepository(db, 'files', { key: 'digest' })

export interface TablesFixture extends Fixture {
  /** The unit of work of the tests that need no other. */
  readonly unit: UnitOfWork
  /** What is committed, seen from outside. */
  readonly stored: <R = Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<R[]>
}

/** The tables are empty before every test. */
export function useTables(options: Partial<MysqlDriverOptions> = {}): TablesFixture {
  const fixture = useFixture()
  let unit: UnitOfWork

  beforeAll(async () => {
    for (const sql of DEFINITIONS) await fixture.oracle.query(sql)
    unit = fixture.uow(options)
  })

  beforeEach(async () => {
    for (const name of ['people', 'lines', 'counters', 'documents', 'files']) {
      await fixture.oracle.query(`truncate table \`${name}\``)
    }
  })

  return Object.defineProperties(Object.create(fixture) as TablesFixture, {
    unit: { get: () => unit },
    stored: {
      value: async (sql: string, values: unknown[] = []) =>
        (await fixture.oracle.query<RowDataPacket[]>(sql, values))[0],
    },
  })
}
