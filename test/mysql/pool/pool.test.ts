import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { one, UsageError } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { afterEach, expect, test } from 'vitest'
import { accounts, db, eventually, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

const sleep = (seconds: number) => one(db.selectNoFrom(sql<number>`sleep(${seconds})`.as('slept')))
const session = one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))).map(({ id }) => id)

const listeners: Server[] = []
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close()
})

/** A server that takes connections and never says a word. */
async function blackHole(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  }).listen(0, '127.0.0.1')
  listeners.push(listener)
  await once(listener, 'listening')
  return { port: (listener.address() as AddressInfo).port, sockets }
}

/** A way to the server that cuts the first connection while the second one logs in. */
async function cuttingFirst(): Promise<number> {
  let first: Socket | undefined
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    if (first === undefined) {
      first = socket
      return
    }
    const upstream = connect(fixture.server.port, fixture.server.host)
    upstream.on('error', () => {})
    // The set-up is the last part of a login.
    socket.on('data', (sent) => {
      if (sent.includes('SET NAMES')) first?.destroy()
    })
    for (const side of [socket, upstream]) side.setNoDelay(true)
    socket.pipe(upstream).pipe(socket)
  }).listen(0, '127.0.0.1')
  listeners.push(listener)
  await once(listener, 'listening')
  return (listener.address() as AddressInfo).port
}

const connections = async (): Promise<number> => (await fixture.sessions()).length
const sleeping = async (): Promise<boolean> =>
  (await fixture.sessions()).some(({ statement }) => statement?.includes('sleep') === true)

test('opens at most max connections and serves who waits in order', async () => {
  const uow = fixture.uow({ pool: { max: 2 } })
  const order: number[] = []
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      await uow.run(async (q) => {
        await q(sleep(0.005))
        order.push(index)
      })
    }),
  )
  expect(await connections()).toBe(2)
  // Two run at a time, so neighbours may finish in either order.
  for (const [place, index] of order.entries()) expect(Math.abs(place - index)).toBeLessThanOrEqual(2)
  await uow.close()
  await eventually(async () => (await connections()) === 0)
})

test('a lease that is not had in time rejects with AcquireError, and the connection goes to the next', async () => {
  const uow = fixture.uow({ pool: { max: 1, acquireTimeout: 100 } })
  const long = uow.run(sleep(0.4))
  await expect(uow.run(session)).rejects.toMatchObject({ name: 'AcquireError', reason: 'timeout' })
  await long
  expect(await uow.run(session)).toBeGreaterThan(0)
  expect(await connections()).toBe(1)
  await uow.close()
})

test('a connection that is ready too late is kept for the next', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  proxy.pause()
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1, acquireTimeout: 100 } })
  await expect(uow.run(session)).rejects.toMatchObject({ reason: 'timeout' })
  proxy.resume()
  await eventually(async () => (await connections()) === 1)
  expect(await uow.run(session)).toBeGreaterThan(0)
  expect(proxy.conversations).toHaveLength(1)
  await uow.close()
  await proxy.stop()
})

test('a server that cannot be reached, and one that refuses the password, say so', async () => {
  const nowhere = fixture.uow({ port: 1, pool: { acquireTimeout: 200 } })
  await expect(nowhere.run(session)).rejects.toMatchObject({ name: 'AcquireError', reason: 'connect' })
  const stranger = fixture.uow({ password: 'wrong' })
  await expect(stranger.run(session)).rejects.toMatchObject({ name: 'AcquireError', reason: 'connect' })
  await expect(stranger.run(session)).rejects.toThrow(/Access denied/)
})

test('a connection that fails while another opens is tried again at once', async () => {
  const port = await cuttingFirst()
  // Housekeeping, which would open what is missing, comes after a second.
  const uow = fixture.uow({ host: '127.0.0.1', port, pipeline: true, pool: { max: 2, acquireTimeout: 900 } })
  const both = Promise.withResolvers<void>()
  let inside = 0
  const meet = (id: number) =>
    uow.run(async (q) => {
      await q(accounts.byId(id))
      inside += 1
      if (inside === 2) both.resolve()
      await both.promise
    })
  await Promise.all([meet(1), meet(2)])
  expect(uow.stats()).toMatchObject({ created: 2 })
  await uow.close()
})

test('all who wait are told when connections cannot be opened', async () => {
  const uow = fixture.uow({ port: 1, pool: { max: 2, acquireTimeout: 200 } })
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => uow.run(session)))
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
})

test('a server that does not answer holds nobody beyond the limits, in acquire and in close', async () => {
  const { port } = await blackHole()
  const uow = fixture.uow({
    port,
    connectTimeout: 300,
    pool: { max: 1, acquireTimeout: 150, closeTimeout: 150 },
  })
  await expect(uow.run(session)).rejects.toMatchObject({ name: 'AcquireError', reason: 'timeout' })
  await uow.close()
})

test('close lets units end, refuses new ones, and leaves no connection', async () => {
  const uow = fixture.uow({ pool: { max: 2 } })
  const running = uow.run(async (q) => {
    await q(sleep(0.2))
    return q(session)
  })
  await eventually(sleeping)
  const closing = uow.close()
  await expect(uow.run(session)).rejects.toMatchObject({ name: 'AcquireError', reason: 'closed' })
  expect(await running).toBeGreaterThan(0)
  await closing
  await eventually(async () => (await connections()) === 0)
  await expect(uow.close()).resolves.toBeUndefined()
})

test('close ends units that take too long', async () => {
  const uow = fixture.uow({ pool: { max: 1, closeTimeout: 100 } })
  const running = uow.run(sleep(5))
  const outcome = running.catch((error: unknown) => error)
  await eventually(sleeping)
  await uow.close()
  expect(await outcome).toMatchObject({ name: 'ConnectionLostError' })
})

test('an idle connection that the server closed is replaced', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  const id = await uow.run(session)
  await fixture.oracle.query(`kill ${id}`)
  await eventually(async () => (await connections()) === 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await uow.run(session)).not.toBe(id)
  expect(await uow.run(accounts.all())).toHaveLength(9)
  await uow.close()
})

test.each([
  { max: 0 },
  { max: 1.5 },
  { min: 11 },
  { keepalive: 0 },
  { acquireTimeout: -1 },
  { closeTimeout: Number.NaN },
])('a limit that makes no sense is refused: %j', (pool) => {
  expect(() => mysqlDriver({ pool })).toThrow(UsageError)
})

test('256 units on 4 connections all have their turn', async () => {
  const uow = fixture.uow({ pool: { max: 4 } })
  await Promise.all(Array.from({ length: 256 }, (_, index) => uow.run(accounts.add((index % 9) + 1, 1))))
  expect(await connections()).toBe(4)
  await uow.close()
})
