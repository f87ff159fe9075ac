/** A database for each peer, all with the same rows. */
import { createUnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import type { ServerAddress } from '@leasehold/test-support/server'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { createTables } from '../../../examples/order-desk/create-tables.ts'
import { load } from '../../../examples/order-desk/load.ts'
import { constants, scale, seed } from './desk.ts'
import { loadShop } from './shop.ts'

/** Loads the rows once; the databases of the peers are copies. */
export async function loadOriginal(server: ServerAddress): Promise<TestDatabase> {
  const original = await createDatabase(server)
  await createTables(original.uri)
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: original.uri, pool: { max: 2 } }) })
  try {
    await load(uow, { scale, seed, constants, workers: 2 })
  } finally {
    await uow.close()
  }
  await onConnection(original.uri, loadShop)
  return original
}

export async function copyOf(original: TestDatabase, server: ServerAddress): Promise<TestDatabase> {
  const copy = await createDatabase(server)
  await onConnection(copy.uri, async (connection) => {
    for (const table of await tablesOf(connection, original.name)) {
      await connection.query(`create table ${table} like ${original.name}.${table}`)
      await connection.query(`insert into ${table} select * from ${original.name}.${table}`)
    }
    await connection.query(
      'analyze table users, purchases, purchase_lines, stock, customer, orders, order_line',
    )
  })
  return copy
}

/** One number for each table; the same for the same rows, in whatever order they were written. */
export function checksums({ name, uri }: TestDatabase): Promise<Readonly<Record<string, string>>> {
  return onConnection(uri, async (connection) => {
    const sums: Record<string, string> = {}
    for (const table of await tablesOf(connection, name)) {
      const [rows] = await connection.query<RowDataPacket[]>(`checksum table ${table} extended`)
      sums[table] = String(rows[0]?.['Checksum'])
    }
    return sums
  })
}

async function tablesOf(connection: Connection, database: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `select table_name as name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'
     order by table_name`,
    [database],
  )
  return rows.map((row) => String(row['name']))
}

async function onConnection<T>(uri: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({ uri })
  try {
    return await work(connection)
  } finally {
    await connection.end()
  }
}
