import { createUnitOfWork, one, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { startServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { expect, test, vi } from 'vitest'
import { accounts, db, eventually, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

const session = one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))).map(({ id }) => id)

/** Has that many connections opened by as many units at once. */
async function warmUp(uow: UnitOfWork, count: number): Promise<void> {
  let arrived = 0
  await Promise.all(
    Array.from({ length: count }, () =>
      uow.run(async (q) => {
        await q(session)
        arrived += 1
        await eventually(() => arrived === count)
      }),
    ),
  )
}

test('a connection is replaced when it has become too old, idle or in use', async () => {
  const uow = fixture.uow({ pool: { max: 1, maxLifetime: 100 } })
  const first = await uow.run(session)
  await eventually(() => uow.stats().open === 0)
  expect(uow.stats().discarded).toMatchObject({ expired: 1 })
  const second = await uow.run(async (q) => {
    const id = await q(session)
    await new Promise((resolve) => setTimeout(resolve, 150))
    return id
  })
  expect(second).not.toBe(first)
  expect(uow.stats()).toMatchObject({ open: 0, created: 2, discarded: { expired: 2 } })
})

test('connections that nobody needs are closed, but for the minimum', async () => {
  const uow = fixture.uow({ pool: { max: 5, min: 2, idleTimeout: 50 } })
  await warmUp(uow, 5)
  expect(uow.stats()).toMatchObject({ open: 5, idle: 5 })
  await eventually(() => uow.stats().open === 2)
  expect(uow.stats().discarded).toMatchObject({ idle: 3 })
})

test('a connection that is not needed is closed, however busy another is', async () => {
  const uow = fixture.uow({ pool: { max: 5, min: 1, idleTimeout: 100, keepalive: 30 } })
  await warmUp(uow, 3)
  const patience = performance.now() + 5_000
  while (uow.stats().open > 1 && performance.now() < patience) await uow.run(session)
  expect(uow.stats()).toMatchObject({ open: 1, discarded: { idle: 2 } })
})

test('the minimum is kept warm', async () => {
  const uow = fixture.uow({ pool: { max: 5, min: 3 } })
  await uow.run(session)
  await eventually(() => uow.stats().idle === 3)
  expect(uow.stats()).toMatchObject({ open: 3, created: 3 })
})

test('an idle connection that no longer answers is found out and replaced', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1, keepalive: 50 } })
  const first = await uow.run(session)
  proxy.conversations[0]?.pause()
  await eventually(() => uow.stats().open === 0)
  expect(await uow.run(session)).not.toBe(first)
  await uow.close()
  await proxy.stop()
})

test('a reset that is not answered does not keep the connection', async () => {
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => (commandOf(packet)?.name === 'COM_RESET_CONNECTION' ? 'drop' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: false, pool: { max: 1 } })
  await uow.run((q) => q(sql`set @leftover = 1`.compile(db)))
  expect(await uow.run(accounts.all())).toHaveLength(9)
  expect(uow.stats()).toMatchObject({ created: 2 })
  await uow.close()
  await proxy.stop()
})

test('an idle connection that answers is kept', async () => {
  const uow = fixture.uow({ pool: { max: 1, keepalive: 20 } })
  const first = await uow.run(session)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(await uow.run(session)).toBe(first)
  expect(uow.stats()).toMatchObject({ created: 1 })
})

test('figures equal the server’s list of sessions', async () => {
  const uow = fixture.uow({ pool: { max: 4 } })
  const own = async (): Promise<number> => {
    const ids = new Set(await Promise.all(Array.from({ length: 40 }, () => uow.run(session))))
    return (await fixture.sessions()).filter(({ id }) => ids.has(id)).length
  }
  await warmUp(uow, 4)
  expect(await own()).toBe(uow.stats().open)
  const held = uow.run(async (q) => {
    await q(session)
    expect(uow.stats()).toMatchObject({ open: 4, leased: 1, idle: 3, waiting: 0 })
  })
  await held
  expect(uow.stats()).toMatchObject({ open: 4, leased: 0, idle: 4, created: 4 })
})

test('refused credentials fail all who wait at once', async () => {
  const uow = fixture.uow({ password: 'wrong', pool: { max: 1 } })
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => uow.run(session)))
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'))
  expect(uow.stats()).toMatchObject({ waiting: 0, connecting: 0, created: 0 })
})

test('a server that comes back is used again, without a restart', async () => {
  const server = await startServer({ kind: fixture.server.kind })
  const proxy = await startRecordingProxy({ target: server })
  const uow = createUnitOfWork({
    driver: mysqlDriver({ uri: server.uri(), host: proxy.host, port: proxy.port, pool: { max: 2 } }),
  })
  await uow.run(session)
  const { port } = proxy
  await proxy.stop()
  await eventually(() => uow.stats().open === 0)
  const waiting = uow.run(session)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const again = await startRecordingProxy({ target: server, port })
  expect(await waiting).toBeGreaterThan(0)
  expect(uow.stats().open).toBeLessThanOrEqual(2)
  await uow.close()
  await again.stop()
  await server.stop()
})

test('a lease that is held for too long is reported with its holder', async () => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: fixture.database.uri }), leakAfter: 300 })
  await uow.run(accounts.all())
  await uow.run(async function slow(q) {
    await q(session)
    await eventually(() => warning.mock.calls.length > 0)
  })
  expect(warning.mock.calls).toEqual([
    [
      expect.stringMatching(/\(slow\) has held connection \d+ for 300 ms/),
      { type: 'LeaseholdLeakWarning', detail: expect.stringContaining('housekeeping.test.ts') as string },
    ],
  ])
  warning.mockRestore()
  await uow.close()
})

test('a session whose statement was stopped is kept; one that can not be stopped is gone from the server', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 1 } })
  const id = await uow.run(session)
  const sleeping = one(db.selectNoFrom(sql<number>`sleep(30)`.as('slept')))
  await expect(uow.run(sleeping, { timeout: 100 })).rejects.toMatchObject({ name: 'DeadlineError' })
  expect(await uow.run(session)).toBe(id)
  // The control connection comes through the proxy as well, and does not stall.
  proxy.links[0]?.stall()
  await expect(uow.run(sleeping, { timeout: 100 })).rejects.toMatchObject({ name: 'DeadlineError' })
  await eventually(async () => (await fixture.sessions()).every((one) => one.id !== id))
  expect(uow.stats().discarded).toMatchObject({ lost: 1 })
  await uow.close()
  await proxy.stop()
})
