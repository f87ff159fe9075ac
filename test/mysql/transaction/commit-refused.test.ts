/** A COMMIT that a real server refuses is not told as one that it carried out. */
import { affected, afterCommit, all, createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { eventually } from '../support/fixture.ts'

// One of its own, which all sessions have to do with.
let server: TestServer
let database: TestDatabase
let admin: Connection
let locker: Connection
let uows: Record<'pipelined' | 'singly', UnitOfWork>

beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
  database = await createDatabase(server)
  admin = await createConnection(database.uri)
  locker = await createConnection(database.uri)
  await admin.query('create table cells (id int primary key, n int not null) engine = innodb')
  await admin.query('insert into cells values (1, 0), (2, 0)')
  // Those with every privilege may still write.
  await admin.query("create user 'plain'@'%' identified by 'secret'")
  await admin.query(`grant select, insert, update, delete, execute on ${database.name}.* to 'plain'@'%'`)
  // It runs with the rights of who made it, who may write.
  await admin.query('create procedure adding() begin update cells set n = n + 1 where id = 1; commit; end')
  const { host, port } = server
  const options = { host, port, user: 'plain', password: 'secret', database: database.name }
  const open = (pipeline: boolean) => createUnitOfWork({ driver: mysqlDriver({ ...options, pipeline }) })
  uows = { pipelined: open(true), singly: open(false) }
})
afterEach(() => admin.query('set global read_only = off'))
afterAll(async () => {
  await Promise.all(Object.values(uows).map((uow) => uow.close()))
  await locker.end()
  await admin.end()
  await server.stop()
})

const db = mysqlBuilder<{ cells: { id: number; n: number } }>()
const add = (id: number) =>
  affected(
    db
      .updateTable('cells')
      .set((e) => ({ n: e('n', '+', 1) }))
      .where('id', '=', id),
  )

/** Told of, though the BEGIN before it was refused and nothing else of the unit was carried out. */
describe.each(['pipelined', 'singly'] as const)(
  'a procedure that commits behind a refused BEGIN, %s',
  (way) => {
    test('is told if it was run', async () => {
      await admin.query('set global read_only = on')
      const before = await count()
      const called = uows[way].run(sql`call adding()`.compile(db), { accessMode: 'read write' })
      const name = way === 'pipelined' ? 'ImplicitCommitError' : 'StatementError'
      await expect(called).rejects.toMatchObject({ name })
      expect(await count()).toBe(way === 'pipelined' ? before + 1 : before)
    })
  },
)

async function count(): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>('select n from cells where id = 1')
  return (rows[0] as { n: number }).n
}

/** Until a unit waits for the lock that `locker` has. */
async function waitedFor(): Promise<void> {
  await eventually(async () => {
    const [rows] = await admin.query<RowDataPacket[]>(
      "select id from information_schema.processlist where user = 'plain' and info is not null",
    )
    return rows.length > 0
  })
}

describe.each(['pipelined', 'singly'] as const)('%s', (way) => {
  test('a lone write that is in a lock wait while the server is made read only', async () => {
    const uow = uows[way]
    let told = 0
    let hooks = 0
    const before = await count()
    const refusals = new Set<unknown>()
    for (let round = 0; round < 10; round += 1) {
      await locker.query('begin')
      await locker.query('update cells set n = n where id = 1')
      const work = all([add(1), afterCommit(() => (hooks += 1))])
      const unit = uow.run(work).then(
        () => (told += 1),
        (error: unknown) => refusals.add((error as { kind?: string }).kind),
      )
      await waitedFor()
      const readOnly = admin.query('set global read_only = on')
      await new Promise((resolve) => setTimeout(resolve, 20))
      await locker.query('rollback')
      await unit
      await readOnly
      await admin.query('set global read_only = off')
    }
    expect(await count()).toBe(before + told)
    expect(hooks).toBe(told)
    expect([...refusals].every((kind) => kind === 'read-only')).toBe(true)
  })

  test('a unit of several writes that finds it read only in COMMIT', async () => {
    const before = await count()
    const unit = uows[way].run(async (q) => {
      await q(add(1))
      await admin.query('set global read_only = on')
    })
    await expect(unit).rejects.toMatchObject({ name: 'StatementError', kind: 'read-only', sql: 'COMMIT' })
    expect(await count()).toBe(before)
  })
})
