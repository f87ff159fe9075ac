/** A server that is made read-only while transactions are open, as when another takes its place. */
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'

// One of its own: all sessions would have to do with it.
let server: TestServer
let database: TestDatabase
let admin: Connection
let session: Connection
beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
  database = await createDatabase(server)
  admin = await createConnection(database.uri)
  await admin.query('create table cells (id int primary key) engine = innodb')
  // Those with every privilege may still write.
  await admin.query("create user 'plain'@'%' identified by 'secret'")
  await admin.query(`grant select, insert, update, delete on ${database.name}.* to 'plain'@'%'`)
  const { host, port } = server
  session = await createConnection({ host, port, user: 'plain', password: 'secret', database: database.name })
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

test('it lets what was only read come to its end', async () => {
  await session.query('begin')
  await session.query('select * from cells')
  await admin.query('set global read_only = on')
  await expect(session.query('commit')).resolves.toBeDefined()
})
