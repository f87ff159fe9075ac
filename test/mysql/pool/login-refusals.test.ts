/** Who is refused for what they are is told at once, and does not storm the server that refuses them. */
import dns, { type LookupAddress } from 'node:dns'
import { type AddressInfo, createServer } from 'node:net'
import { once } from 'node:events'
import { createUnitOfWork, one, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, inject, type MockInstance, test, vi } from 'vitest'
import { db, eventually } from '../support/fixture.ts'

const { kind } = inject('server')
const isMysql = kind === 'mysql'

const session = one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))).map(({ id }) => id)

type Lookup = (
  host: string,
  options: object,
  found: (error: null, addresses: LookupAddress[]) => void,
) => void

const right = { user: 'somebody', password: 'right' }

// Longer than a test may take: who waits for it, fails.
const pool = { acquireTimeout: 60_000 }

// Of this file's own, for settings of the whole server are changed.
let server: TestServer
let admin: Connection
const units: UnitOfWork[] = []

beforeAll(async () => {
  server = await startServer({ kind })
  admin = await createConnection(server.uri())
  await admin.query(`create user somebody@'%' identified by 'right'`)
})
afterEach(() => Promise.all(units.splice(0).map((uow) => uow.close())))
afterAll(async () => {
  await admin.end()
  await server.stop()
})

const alter = (how: string) => admin.query(`alter user somebody@'%' ${how}`)

function uowOf(options: MysqlDriverOptions): UnitOfWork {
  const { host, port } = server
  const uow = createUnitOfWork({ driver: mysqlDriver({ host, port, pool, ...options }) })
  units.push(uow)
  return uow
}

describe('is told at once', () => {
  test('that the account is locked', async () => {
    await alter('account lock')
    await expect(uowOf(right).run(session)).rejects.toThrow(/locked/)
    await alter('account unlock')
  })

  // MariaDB lets such a session come to be, and refuses what it sends.
  test('that the password has expired', async () => {
    await alter('password expire')
    await expect(uowOf(right).run(session)).rejects.toThrow(isMysql ? /1862|expired/ : /1820/)
    await alter(`identified by 'right'`)
  })

  test('that TLS is asked for', async () => {
    await alter('require ssl')
    await expect(uowOf(right).run(session)).rejects.toThrow(/Access denied/)
    await alter('require none')
    if (!isMysql) return
    await admin.query('set global require_secure_transport = on')
    try {
      await expect(uowOf(right).run(session)).rejects.toThrow(/insecure transport/)
    } finally {
      await admin.query('set global require_secure_transport = off')
    }
  })

  test('that there were too many wrong passwords', async () => {
    if (isMysql) await alter('failed_login_attempts 1 password_lock_time 1')
    else await admin.query('set global max_password_errors = 1')
    await expect(uowOf({ ...right, password: 'wrong' }).run(session)).rejects.toThrow(/denied/)
    await expect(uowOf(right).run(session)).rejects.toThrow(/blocked/)
    if (isMysql) await alter('account unlock failed_login_attempts 0')
    else await admin.query('set global max_password_errors = default')
    if (!isMysql) await admin.query('flush privileges')
  })

  test('that init_connect fails', async () => {
    await admin.query(`set global init_connect = 'no SQL'`)
    try {
      await expect(uowOf(right).run(session)).rejects.toThrow(/init_connect/)
    } finally {
      await admin.query(`set global init_connect = ''`)
    }
  })

  test('that the server has no TLS', async () => {
    if (isMysql) return
    await expect(uowOf({ ...right, ssl: true }).run(session)).rejects.toThrow(/secure connection/)
  })
})

test('a wrong password is tried a few times, however many ask, and the right one is found', async () => {
  const proxy = await startRecordingProxy({ target: server })
  const uow = uowOf({ ...right, password: 'later', host: proxy.host, port: proxy.port })
  const end = performance.now() + 1_500
  let refused = 0
  const ask = async (): Promise<void> => {
    while (performance.now() < end) {
      await expect(uow.run(session)).rejects.toThrow(/Access denied/)
      refused += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  await Promise.all(Array.from({ length: 50 }, ask))
  expect(refused).toBeGreaterThan(50)
  // All that the pool may have at the first time, and one after each pause.
  expect(proxy.conversations.length).toBeLessThanOrEqual(10 + 6)
  await alter(`identified by 'later'`)
  let found: unknown
  while (found === undefined) {
    found = await uow.run(session).catch(() => new Promise((resolve) => setTimeout(resolve, 50)))
  }
  expect(found).toBeGreaterThan(0)
  await alter(`identified by 'right'`)
  await uow.close()
  await proxy.stop()
})

test('who has a connection open shares it, when no other can be had', async () => {
  const uow = uowOf(right)
  const holding = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const first = uow.run(async (q) => {
    const own = await q(session)
    holding.resolve()
    await end.promise
    return own
  })
  await holding.promise
  await alter(`identified by 'another'`)
  const second = uow.run(session)
  await eventually(() => uow.stats().connecting === 0)
  end.resolve()
  expect(await second).toBe(await first)
  await alter(`identified by 'right'`)
})

test('each address of a host that can not be reached is told', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const lookup = vi.spyOn(dns, 'lookup') as unknown as MockInstance<Lookup>
  lookup.mockImplementation((_host, _options, found) =>
    found(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ]),
  )
  const uow = uowOf({ host: 'localhost', port, pool: { acquireTimeout: 200 } })
  await expect(uow.run(session)).rejects.toThrow(
    /opened: connect ECONNREFUSED 127.+; connect ECONNREFUSED 127/,
  )
  lookup.mockRestore()
})
