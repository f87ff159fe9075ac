/** KILL goes by the number of a session, and other servers have sessions of the same number. */
import { createUnitOfWork, one, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { type FaultProxy, startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { type ServerAddress, startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, inject, type MockInstance, test, vi } from 'vitest'
import { db, eventually } from '../mysql/support/fixture.ts'

const { kind } = inject('server')

type Endpoint = Pick<ServerAddress, 'host' | 'port'>

/** Fresh, so that their numbers are low. */
let own: TestServer
let stranger: TestServer
/** Where the next connection through the proxy leads. */
let lead: () => Endpoint
let proxy: FaultProxy
let uow: UnitOfWork
let warnings: MockInstance<typeof process.emitWarning>
const sessions: Connection[] = []

beforeAll(async () => {
  ;[own, stranger] = await Promise.all([startServer({ kind }), startServer({ kind })])
  const admin = await createConnection(stranger.uri())
  // Both let the same account in.
  await admin.query(`alter user '${own.user}'@'%' identified by '${own.password}'`)
  await admin.end()
  proxy = await startFaultProxy({ target: () => lead() })
})

afterAll(async () => {
  await proxy.stop()
  await Promise.all([own.stop(), stranger.stop()])
})

afterEach(async () => {
  warnings.mockRestore()
  await uow.close()
  for (const session of sessions.splice(0)) session.destroy()
})

async function sessionOn({ host, port }: ServerAddress): Promise<Connection> {
  const session = await createConnection({ host, port, user: own.user, password: own.password })
  session.on('error', () => {})
  sessions.push(session)
  return session
}

/** A session of somebody else, with the number `id`. */
async function strangerOn(server: ServerAddress, id: number): Promise<Connection> {
  for (;;) {
    const session = await sessionOn(server)
    if (session.threadId === id) return session
    if (session.threadId > id) throw new Error(`expected a session ${id}, got ${session.threadId}`)
    await session.end()
  }
}

const isAlive = (session: Connection): Promise<boolean> =>
  session.query('do 0').then(
    () => true,
    () => false,
  )

/** What a session of a server does; nothing where there is no such session. */
async function statementOf(server: ServerAddress, id: number): Promise<string | undefined> {
  const admin = await sessionOn(server)
  const [rows] = await admin.query('select info from information_schema.processlist where id = ?', [id])
  await admin.end()
  return (rows as { info: string | null }[])[0]?.info ?? undefined
}

interface Running {
  readonly id: number
  /** Ends the unit, whose session then has to be killed. */
  readonly giveUp: () => Promise<void>
}

/** Has a unit run on `own` for a minute; connections that are opened from then on lead elsewhere. */
async function run(then: () => Endpoint, first: Endpoint = own): Promise<Running> {
  warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  lead = () => first
  // Beyond the numbers that are given away while a server starts.
  const [mine, theirs] = [await sessionOn(own), await sessionOn(stranger)]
  await strangerOn(own, Math.max(mine.threadId, theirs.threadId) + 30)
  const { host, port } = proxy
  uow = createUnitOfWork({
    driver: mysqlDriver({ uri: own.uri(), host, port, pipeline: true, connectTimeout: 2_000 }),
  })
  const { id } = await uow.run(one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))))
  lead = then
  const controller = new AbortController()
  const unit = uow.run(one(db.selectNoFrom(sql<number>`sleep(60)`.as('slept'))), controller)
  const end = unit.catch((error: unknown) => error)
  await eventually(async () => (await statementOf(own, id))?.includes('sleep') === true)
  return {
    id,
    giveUp: async () => {
      controller.abort()
      expect(await end).toMatchObject({ name: 'DeadlineError' })
    },
  }
}

const toldOf = (): unknown[] => warnings.mock.calls.map(([message, options]) => [message, options])
const elsewhere = (id: number): unknown => [
  expect.stringMatching(new RegExp(`^session ${id} was not killed.*other servers`)),
  { type: 'LeaseholdKillWarning' },
]

test('where an address leads to another server, nobody is killed, and a warning says so once', async () => {
  const { id, giveUp } = await run(() => stranger)
  const other = await strangerOn(stranger, id)
  await giveUp()
  await eventually(() => toldOf().length > 0)
  expect(await isAlive(other)).toBe(true)
  expect(await statementOf(own, id)).toContain('sleep')
  expect(toldOf()).toEqual([elsewhere(id)])
  const admin = await sessionOn(own)
  await admin.query(`kill ${id}`)
})

test('where an address leads to several servers in turn, its own is found', async () => {
  let turn = 0
  const { id, giveUp } = await run(() => ((turn += 1) % 3 === 0 ? own : stranger))
  const other = await strangerOn(stranger, id)
  await giveUp()
  await eventually(async () => (await statementOf(own, id)) === undefined)
  expect(await isAlive(other)).toBe(true)
  expect(toldOf()).toEqual([])
})

test('behind a stalled link, a session that a restarted server gave the same number is not killed', async () => {
  const { id, giveUp } = await run(() => own)
  // The unit's connection, and the one that kills: both know which server they lead to.
  await eventually(() => {
    const knowing = proxy.links.filter((link) => link.received('server').includes('started'))
    return knowing.length === 2
  })
  for (const link of proxy.links) link.stall()
  await own.crash()
  const other = await strangerOn(own, id)
  await giveUp()
  await eventually(() => toldOf().length > 0)
  expect(await isAlive(other)).toBe(true)
  expect(toldOf()).toEqual([elsewhere(id)])
})

test('through a proxy that greets with no number, as MySQL Router does, a session is killed', async () => {
  const router = await startRecordingProxy({
    target: own,
    onPacket: ({ from, sequence, payload }) => {
      const number = payload.indexOf(0) + 1
      if (from === 'server' && sequence === 0 && payload[0] === 10) payload.fill(0, number, number + 4)
      return 'forward'
    },
  })
  const { id, giveUp } = await run(() => router, router)
  await giveUp()
  await eventually(async () => (await statementOf(own, id)) === undefined)
  expect(toldOf()).toEqual([])
  await uow.close()
  await router.stop()
})
