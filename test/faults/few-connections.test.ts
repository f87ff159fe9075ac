/** Accounts with as many connections as the pool may have: the one that kills has its place all the same. */
import { setImmediate } from 'node:timers/promises'
import { all, type UnitOfWork } from '@leasehold/core'
import { startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { accounts, eventually, UNTOUCHED, useFixture } from '../mysql/support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const password = 'for-tests-only'
const users = { 1: 'leasehold_one', 3: 'leasehold_three' }

beforeAll(async () => {
  for (const [count, user] of Object.entries(users)) {
    await fixture.oracle.query(
      `create user if not exists ${user}@'%' identified by '${password}' with max_user_connections ${count}`,
    )
    await fixture.oracle.query(`grant all on ${fixture.database.name}.* to ${user}@'%'`)
  }
})

let uow: UnitOfWork
afterEach(async () => {
  await uow.close()
  await eventually(async () => (await fixture.sessions()).length === 0)
})

function limited(max: keyof typeof users): UnitOfWork {
  uow = fixture.uow({ user: users[max], password, pipeline: true, pool: { max } })
  return uow
}

/** Units that each lock an account of their own and then wait for account 9, until their time is up. */
async function giveUpTogether(count: number): Promise<void> {
  await fixture.oracle.query('begin')
  await fixture.oracle.query('update accounts set cents = 0 where id = 9')
  try {
    const units = Array.from({ length: count }, (_, index) =>
      uow.run(all([accounts.add(index + 1, 1), accounts.add(9, 1)]), { timeout: 1_500 }),
    )
    for (const end of await Promise.allSettled(units)) {
      expect(end).toMatchObject({ status: 'rejected', reason: { name: 'DeadlineError' } })
    }
    await eventually(async () => (await fixture.sessions()).every(({ statement }) => statement === null))
    await fixture.oracle.query('select id from accounts where id < 9 for update nowait')
  } finally {
    await fixture.oracle.query('rollback')
  }
  expect(await fixture.balances()).toEqual(UNTOUCHED)
}

/** Has all connections of the pool opened, and none for kills. */
async function fill(count: number): Promise<void> {
  let arrived = 0
  await Promise.all(
    Array.from({ length: count }, () =>
      uow.run(async (q) => {
        await q(accounts.all())
        arrived += 1
        await eventually(() => arrived === count)
      }),
    ),
  )
}

test('the locks of units whose time is up come free, from the first unit on', async () => {
  limited(3)
  await giveUpTogether(3)
  expect(uow.stats()).toMatchObject({ leased: 0, waiting: 0 })
})

test('the locks of units whose time is up come free, where the login of the connection that kills is slow', async () => {
  const { host, port } = fixture.server
  const proxy = await startRecordingProxy({ target: { host, port } })
  uow = fixture.uow({
    host: proxy.host,
    port: proxy.port,
    user: users[3],
    password,
    pipeline: true,
    pool: { max: 3 },
  })
  const units = giveUpTogether(3)
  while (proxy.conversations.length === 0) await setImmediate()
  // It is the first to be asked for.
  proxy.conversations[0]?.pause()
  setTimeout(() => proxy.conversations[0]?.resume(), 1_200)
  await units
  expect(uow.stats()).toMatchObject({ leased: 0, waiting: 0 })
  await uow.close()
  await proxy.stop()
})

test('the locks of units whose time is up come free, where the pool had all connections before', async () => {
  limited(3)
  await fill(3)
  expect(uow.stats()).toMatchObject({ open: 3 })
  await giveUpTogether(3)
  expect(uow.stats().discarded).toMatchObject({ yielded: 1 })
})

test('units for which there is no connection are served by those that come back', async () => {
  limited(3)
  await uow.run(accounts.all(), { timeout: 5_000 })
  await Promise.all(
    Array.from({ length: 30 }, (_, index) => uow.run(accounts.add((index % 9) + 1, 1), { timeout: 10_000 })),
  )
  await Promise.all(Array.from({ length: 30 }, (_, index) => uow.run(accounts.add((index % 9) + 1, -1))))
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  expect(uow.stats().open).toBeLessThanOrEqual(3)
})

test('where there is one connection in all, it is for units', async () => {
  limited(1)
  for (let unit = 0; unit < 5; unit += 1) await uow.run(accounts.add(1, 1), { timeout: 10_000 })
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 105 })
})
