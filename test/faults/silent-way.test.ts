/** Connections that a firewall forgot, or whose server is frozen: nothing comes back, and nobody says so. */
import { affected, all, CommitUnknownError } from '@leasehold/core'
import type { PoolOptions } from '@leasehold/mysql'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { commandOf, isPipelined, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, eventually, UNTOUCHED, useFixture } from '../mysql/support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

/** A write with nothing left to check, so that COMMIT may travel along. */
const empty = (id: number) => affected(db.updateTable('accounts').set({ cents: 0 }).where('id', '=', id))

/** Longer than the server's last answer counts for. */
const idle = () => new Promise((resolve) => setTimeout(resolve, 1_100))

test.each([{ pipeline: true }, { pipeline: false }])(
  'a unit on an idle connection that was forgotten runs on another: %j',
  async (options) => {
    const proxy = await startFaultProxy({ target: fixture.server })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, ...options })
    await uow.run(accounts.add(1, 1))
    await idle()
    proxy.links[0]?.stall()
    // With COMMIT in the same flight the outcome would be unknown.
    expect(await uow.run(empty(2))).toBe(1)
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 2: 0 })
    expect(uow.stats()).toMatchObject({ open: 1, created: 2, discarded: { lost: 1 } })
    // Its session may be there, and at work: it is killed by a connection of its own.
    await eventually(async () => (await fixture.sessions()).length === 1)
    await uow.close()
    await proxy.stop()
  },
)

test('where one connection was forgotten the others are asked at once, so that a unit meets one of them', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 7 } })
  let arrived = 0
  const body = uow.run.bind(uow)
  await Promise.all(
    Array.from({ length: 6 }, () =>
      body(async (q) => {
        await q(accounts.all())
        arrived += 1
        await eventually(() => arrived === 6)
      }),
    ),
  )
  await idle()
  for (const link of proxy.links) link.stall()
  // Five attempts would not do if each met another of the six.
  expect(await uow.run(accounts.add(1, 1))).toBe(1)
  await eventually(() => uow.stats().open === 1)
  expect(uow.stats()).toMatchObject({ created: 7, discarded: { lost: 6 } })
  await uow.close()
  await proxy.stop()
})

test('a COMMIT after a long pause is sent to a server that is there, or not at all', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const unit = uow.run(async (q) => {
    await q(accounts.add(1, 1))
    await idle()
    proxy.links[0]?.stall()
  })
  const error: unknown = await unit.catch((thrown: unknown) => thrown)
  expect(error).not.toBeInstanceOf(CommitUnknownError)
  expect(error).toMatchObject({ name: 'ConnectionLostError' })
  await fixture.unlocked()
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  await uow.close()
  await proxy.stop()
})

test('the question costs no round trip, and is asked of idle connections only', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, preparedStatements: 0 })
  /** What a unit sends, in flights. */
  const flights = async (unit: () => Promise<unknown>): Promise<string[][]> => {
    const before = proxy.conversations[0]?.packets.length ?? 0
    await unit()
    const [conversation] = proxy.conversations
    const found: string[][] = []
    for (const packet of conversation?.packets.slice(before) ?? []) {
      const sql = commandOf(packet)?.sql?.split(' ')[0]
      if (sql === undefined || conversation === undefined) continue
      if (isPipelined(packet, conversation)) found.at(-1)?.push(sql)
      else found.push([sql])
    }
    return found
  }
  await uow.run(accounts.all())
  expect(await flights(() => uow.run(empty(1)))).toEqual([['update', 'COMMIT']])
  await idle()
  expect(await flights(() => uow.run(accounts.find(1)))).toEqual([['DO', 'select', 'COMMIT']])
  await idle()
  expect(await flights(() => uow.run(empty(2)))).toEqual([['DO', 'update'], ['COMMIT']])
  await idle()
  const two = all([accounts.add(1, 1), accounts.add(2, 1)])
  expect(await flights(() => uow.run(two))).toEqual([['DO', 'update', 'update'], ['COMMIT']])
  await uow.close()
  await proxy.stop()
})

describe('a session that objects to the question is replaced', () => {
  /** A proxy that, while told to, makes the question one that the server can't read. */
  async function objecting(pool: PoolOptions) {
    let objects = false
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: (packet) => {
        if (objects && commandOf(packet)?.sql === 'DO 0') packet.payload.write('NO', 1)
        return 'forward'
      },
    })
    const { host, port } = proxy
    const uow = fixture.uow({ host, port, pipeline: true, pool: { max: 1, ...pool } })
    await uow.run(accounts.all())
    objects = true
    const end = async (): Promise<void> => {
      await uow.close()
      await proxy.stop()
    }
    return { uow, end }
  }

  test('by the next unit', async () => {
    const { uow, end } = await objecting({})
    await idle()
    expect(await uow.run(accounts.add(1, 1))).toBe(1)
    expect(uow.stats()).toMatchObject({ open: 1, created: 2, discarded: { lost: 1 } })
    await end()
  })

  test('before it, where the pool asks first', async () => {
    const { uow, end } = await objecting({ keepalive: 50 })
    await eventually(() => uow.stats().open === 0)
    expect(uow.stats()).toMatchObject({ created: 1, discarded: { lost: 1 } })
    await end()
  })
})
