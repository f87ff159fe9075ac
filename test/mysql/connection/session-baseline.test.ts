/** A session that was reset is like one that is fresh, whatever makes a session what it is. */
import { all, createUnitOfWork, many, one, type Query, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { db } from '../support/fixture.ts'

const { kind } = inject('server')

// Of this file's own, for settings of the whole server are changed.
let server: TestServer
let admin: Connection
const units: UnitOfWork[] = []

beforeAll(async () => {
  server = await startServer({ kind })
  admin = await createConnection(server.uri())
  // Who may set init_connect is spared it.
  await admin.query(`create user somebody@'%' identified by 'password'`)
  await admin.query('create role clerk, boss')
  await admin.query(`grant clerk to somebody@'%'`)
  await admin.query(`grant boss to somebody@'%'`)
  await admin.query(`set default role clerk ${kind === 'mysql' ? 'to' : 'for'} somebody@'%'`)
})
beforeEach(() => admin.query(`set global init_connect = ''`))
afterEach(() => Promise.all(units.splice(0).map((uow) => uow.close())))
afterAll(async () => {
  await admin.end()
  await server.stop()
})

const somebody = () => ({ host: server.host, port: server.port, user: 'somebody', password: 'password' })

function uowOf(options: Partial<MysqlDriverOptions> = {}): UnitOfWork {
  const uow = createUnitOfWork({ driver: mysqlDriver({ ...somebody(), pool: { max: 1 }, ...options }) })
  units.push(uow)
  return uow
}

const session = one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))).map(({ id }) => id)

/** Variables that tell of the moment. */
const MOMENTARY = new Set([
  'timestamp',
  'rand_seed1',
  'rand_seed2',
  'pseudo_thread_id',
  'insert_id',
  'last_insert_id',
  'identity',
  'last_gtid',
  'statement_id',
])

/** Raw SQL, so that the session is reset behind it. */
const variables: Query<Record<string, string>, 'write'> = many(
  sql<{ Variable_name: string; Value: string }>`show session variables`.compile(db),
).map((rows) =>
  Object.fromEntries(
    rows.map((row) => [row.Variable_name, row.Value] as const).filter(([name]) => !MOMENTARY.has(name)),
  ),
)

const beyond = one(
  db.selectNoFrom([
    sql`@from_init`.as('variable'),
    sql`current_role()`.as('role'),
    sql`database()`.as('chosen'),
  ]),
)

/** Leaves something behind, and gives what the next unit finds. */
async function behind(uow: UnitOfWork, statement: string): Promise<unknown> {
  const before = await uow.run(session)
  await uow.run((q) => q(sql.raw(statement).compile(db)))
  const [after, found] = await uow.run(all([session, beyond]))
  return { reset: before === after, ...(found as object) }
}

describe('the server', () => {
  async function plain(): Promise<Connection> {
    const connection = await createConnection(somebody())
    plainOnes.push(connection)
    return connection
  }
  const plainOnes: Connection[] = []
  afterEach(() => {
    for (const connection of plainOnes.splice(0)) connection.destroy()
  })

  async function foundIn(connection: Connection): Promise<unknown> {
    const [rows] = await connection.query('select @from_init as variable, current_role() as role')
    return (rows as unknown[])[0]
  }

  test('does not run init_connect in a reset', async () => {
    await admin.query(`set global init_connect = 'set @from_init = 7'`)
    const connection = await plain()
    expect(await foundIn(connection)).toMatchObject({ variable: 7 })
    await connection.reset()
    expect(await foundIn(connection)).toMatchObject({ variable: null })
  })

  test('leaves the role as it is in a reset', async () => {
    const connection = await plain()
    expect(await foundIn(connection)).toMatchObject({ role: expect.stringContaining('clerk') as string })
    await connection.query('set role boss')
    await connection.reset()
    expect(await foundIn(connection)).toMatchObject({ role: expect.stringContaining('boss') as string })
  })
})

test('every variable of a session that was reset is that of a fresh one', async () => {
  const uow = uowOf()
  const id = await uow.run(session)
  const fresh = await uow.run(variables)
  expect(Object.keys(fresh).length).toBeGreaterThan(300)
  await uow.run((q) =>
    q(sql`set sql_mode = '', sort_buffer_size = 333333, collation_connection = utf8mb4_bin`.compile(db)),
  )
  expect(await uow.run(variables)).toEqual(fresh)
  expect(await uow.run(session)).toBe(id)
})

test('where init_connect makes sessions what they are, one is replaced instead of reset', async () => {
  await admin.query(`set global init_connect = 'set @from_init = 7, sort_buffer_size = 333333'`)
  const uow = uowOf()
  const fresh = await uow.run(variables)
  expect(fresh).toMatchObject({ sort_buffer_size: '333333' })
  expect(await behind(uow, 'set @from_init = 8')).toMatchObject({ reset: false, variable: 7 })
  expect(await uow.run(variables)).toEqual(fresh)
  expect(uow.stats().discarded).toMatchObject({ stopped: 0, lost: 0 })
})

test('without, it is reset', async () => {
  expect(await behind(uowOf(), 'set @from_init = 8')).toMatchObject({ reset: true, variable: null })
})

test.each(['set role boss', 'set role none'])('%s ends with its unit', async (statement) => {
  expect(await behind(uowOf(), statement)).toMatchObject({
    reset: false,
    role: expect.stringContaining('clerk') as string,
  })
})
