import { createUnitOfWork, many, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { HOSTILE } from '../support/hostile-strings.ts'
import { db, DEFINITIONS, documents, files } from './support/tables.ts'

const PACKET = 16 * 1024

let server: TestServer
let uow: UnitOfWork

beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind'), args: [`--max-allowed-packet=${PACKET}`] })
  const { name, uri } = await createDatabase(server)
  const { host, port, user, password } = server
  const connection = await createConnection({ host, port, user, password, database: name })
  for (const sql of DEFINITIONS) await connection.query(sql)
  await connection.end()
  uow = createUnitOfWork({ driver: mysqlDriver({ uri, bigints: 'bigint' }) })
})

afterAll(async () => {
  await uow.close()
  await server.stop()
})

test('no statement is longer than the server takes, whatever is in it', async () => {
  const text = (length: number, index: number): string => {
    const unit = HOSTILE[index % HOSTILE.length] ?? ''
    return unit.repeat(Math.ceil(length / Math.max(1, unit.length)))
  }
  const rows = Array.from({ length: 2_000 }, (_, index) => ({
    id: `d${index}`,
    body: text((index * 37) % 3_000, index),
  }))
  expect(await uow.run(documents.insertMany(rows))).toBe(rows.length)
  const stored = await uow.run(documents.list())
  expect(new Map(stored.map(({ id, body }) => [id, body]))).toEqual(
    new Map(rows.map(({ id, body }) => [id, body])),
  )
}, 60_000)

test.each([4, 500])('values of all kinds are counted, with %i bytes', async (length) => {
  const rows = Array.from({ length: 1_000 }, (_, index) => {
    const digest = Buffer.alloc(length, length % 256)
    digest.writeUInt32BE(index)
    return { digest, at: new Date(index), size: -(2n ** 63n) + BigInt(index), name: '' }
  })
  expect(await uow.run(files.insertMany(rows))).toBe(rows.length)
  const stored = await uow.run(files.list({ orderBy: ['digest'] }))
  expect(stored.filter(({ digest }) => digest.length === length)).toEqual(rows)
})

test('a statement of as many bytes as the server takes at most is refused, and costs no connection', async () => {
  // One byte of the packet is the command's, and some are the rest of the statement's.
  const statement = (bytes: number) =>
    sql.raw(`select '${'x'.repeat(bytes - 1 - "select ''".length)}'`).compile(db)
  const { discarded } = uow.stats()
  await uow.run(many(statement(PACKET - 1)))
  await expect(uow.run(many(statement(PACKET)))).rejects.toThrow(/larger than the server takes/)
  expect(uow.stats().discarded).toEqual(discarded)
})

test('a row that is too long by itself is refused, and nothing of its unit stays', async () => {
  const rows = [
    { id: 'a', body: 'a' },
    { id: 'b', body: 'b'.repeat(PACKET) },
  ]
  await expect(uow.run(documents.insertMany(rows))).rejects.toThrow(/larger than the server takes/)
  expect(await uow.run(documents.find('a'))).toBeUndefined()
})
