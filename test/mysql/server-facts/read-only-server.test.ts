/** A server that is made read-only while transactions are open, as when another takes its place. */
import { affected, createUnitOfWork } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'

// One of its own: all sessions would have to do with it.
let server: TestServer
let database: TestDatabase
let admin: Connection
let session: Connection
let plain: { host: string; port: number; user: string; password: string }
beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
  database = await createDatabase(server)
  admin = await createConnection(database.uri)
  await admin.query('create table cells (id int primary key) engine = innodb')
  // Those with every privilege may still write.
  await admin.query("create user 'plain'@'%' identified by 'secret'")
  await admin.query(`grant select, insert, update, delete on ${database.name}.* to 'plain'@'%'`)
  plain = { host: server.host, port: server.port, user: 'plain', password: 'secret' }
  session = await createConnection({ ...plain, database: database.name })
})
afterEach(() => admin.query('set global read_only = off'))
afterAll(async () => {
  await session.end()
  await admin.end()
  await server.stop()
})

test('it refuses writes, and COMMIT of what was written before, which it rolls back', async () => {
  await session.query('begin')
  await session.query('insert into cells values (1)')
  await admin.query('set global read_only = on')
  await expect(session.query('insert into cells values (2)')).rejects.toMatchObject({ errno: 1290 })
  await expect(session.query('commit')).rejects.toMatchObject({ errno: 1290 })
  await admin.query('set global read_only = off')
  await session.query('commit')
  expect((await admin.query('select * from cells'))[0]).toEqual([])
})

test('a unit that meets it in COMMIT is told so, and nothing of it remains', async () => {
  const uow = createUnitOfWork({ driver: mysqlDriver({ ...plain, database: database.name }) })
  const unit = uow.run(async (q) => {
    await q(affected(mysqlBuilder<{ cells: { id: number } }>().insertInto('cells').values({ id: 3 })))
    await admin.query('set global read_only = on')
  })
  await expect(unit).rejects.toMatchObject({ name: 'StatementError', kind: 'read-only' })
  await uow.close()
  expect((await admin.query('select * from cells'))[0]).toEqual([])
})

test('it lets what was only read come to its end', async () => {
  await session.query('begin')
  await session.query('select * from cells')
  await admin.query('set global read_only = on')
  await expect(session.query('commit')).resolves.toBeDefined()
})
