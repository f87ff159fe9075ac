import { afterCommit, afterRollback, all, many, program, type StatementError } from '@leasehold/core'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

/** Locks two accounts in an order of its own, so that two of these with opposite orders deadlock. */
const crossing = (first: number, second: number, onAttempt: () => void = () => {}) =>
  program(function* () {
    onAttempt()
    yield* accounts.add(first, 1)
    yield* accounts.byId(first)
    yield* accounts.add(second, 1)
  })

describe('a unit that the server rolled back for a deadlock', () => {
  test('is run again as a whole until it comes through, and its effect is there once', async () => {
    const uow = fixture.uow({ pool: { max: 8 } })
    let attempts = 0
    const units = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? crossing(1, 2, () => attempts++) : crossing(2, 1, () => attempts++),
    )
    await Promise.all(units.map((unit) => uow.run(unit, { retry: { attempts: 100 } })))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 120, 2: 120 })
    expect(attempts).toBeGreaterThan(20)
  })

  test('is run again when raw SQL was in the flight behind the deadlock', async () => {
    const uow = fixture.uow({ pool: { max: 8 } })
    let attempts = 0
    const unit = (first: number, second: number) =>
      program(function* () {
        attempts += 1
        yield* accounts.add(first, 1)
        yield* accounts.byId(first)
        yield* all([accounts.add(second, 1), many(sql`select 1`.compile(db))])
      })
    const units = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? unit(1, 2) : unit(2, 1)))
    await Promise.all(units.map((each) => uow.run(each, { retry: { attempts: 100 } })))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 120, 2: 120 })
    expect(attempts).toBeGreaterThan(20)
  })

  test('is not when told so, nor is a body unless asked', async () => {
    const uow = fixture.uow({ pool: { max: 8 } })
    const outcomes = async (run: (index: number) => Promise<unknown>): Promise<unknown[]> => {
      const settled = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => run(index)))
      return settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as StatementError] : []))
    }
    const pair = (index: number): [number, number] => (index % 2 === 0 ? [1, 2] : [2, 1])
    const values = await outcomes((index) => uow.run(crossing(...pair(index)), { retry: false }))
    const bodies = await outcomes((index) => uow.run((q) => q(crossing(...pair(index)))))
    for (const failures of [values, bodies]) {
      expect(failures.length).toBeGreaterThan(0)
      for (const failure of failures) expect(failure).toMatchObject({ kind: 'deadlock', attempts: 1 })
    }
    const once = 100 + 120 - values.length - bodies.length
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: once, 2: once })
  })
})

test('a last attempt that got no connection has its hooks called, and not those of the one before', async () => {
  let cut = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket(packet) {
      cut ||= commandOf(packet)?.sql?.startsWith('update') === true
      return cut ? 'cut' : 'forward'
    },
  })
  const { host, port } = proxy
  const uow = fixture.uow({ host, port, pipeline: true, pool: { max: 1, acquireTimeout: 300 } })
  const called: string[] = []
  let attempts = 0
  const work = program(function* () {
    attempts += 1
    const number = attempts
    yield* afterRollback(() => called.push(`rollback ${number}`))
    yield* accounts.add(1, 1)
  })
  await expect(uow.run(work, { retry: { attempts: 2, backoff: () => 0 } })).rejects.toMatchObject({
    name: 'ConnectionLostError',
    attempts: 2,
  })
  expect(called).toEqual(['rollback 2'])
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  await uow.close()
  await proxy.stop()
})

test('a connection that is lost before COMMIT is sent has the unit run again on another', async () => {
  let cuts = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => (commandOf(packet)?.sql?.startsWith('update') && cuts++ < 2 ? 'cut' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  await uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]))
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 2: 101 })
  await uow.close()
  await proxy.stop()
})

test('an unknown outcome is never run again', async () => {
  let commits = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => {
      if (commandOf(packet)?.sql !== 'COMMIT') return 'forward'
      commits += 1
      return 'cut'
    },
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const unit = uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]))
  await expect(unit).rejects.toMatchObject({ name: 'CommitUnknownError', attempts: 1 })
  expect(commits).toBe(1)
  await uow.close()
  await proxy.stop()
})

test('after the last attempt the error comes out with their number; hooks of the others are dropped', async () => {
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => (commandOf(packet)?.sql?.startsWith('update') ? 'cut' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const called: string[] = []
  const unit = all([
    afterCommit(() => called.push('commit')),
    afterRollback(() => called.push('rollback')),
    accounts.add(1, 1),
  ])
  const waits: number[] = []
  const backoff = (attempt: number): number => {
    waits.push(attempt)
    return 1
  }
  await expect(uow.run(unit, { retry: { attempts: 3, backoff } })).rejects.toMatchObject({
    name: 'ConnectionLostError',
    attempts: 3,
  })
  expect(waits).toEqual([2, 3])
  expect(called).toEqual(['rollback'])
  await uow.close()
  await proxy.stop()
})

test('a body can be run again when asked, and knows which attempt it is', async () => {
  let cuts = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => (commandOf(packet)?.sql?.startsWith('update') && cuts++ < 1 ? 'cut' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const seen: number[] = []
  await uow.run(
    async (q) => {
      seen.push(q.attempt)
      await q(accounts.add(1, 1))
    },
    { retry: true },
  )
  expect(seen).toEqual([1, 2])
  await uow.close()
  await proxy.stop()
})

test.runIf(fixture.server.kind === 'mariadb')(
  'what was out of date under snapshot isolation is run again',
  async () => {
    const seen: number[] = []
    await fixture.uow().run(
      async (q) => {
        seen.push(q.attempt)
        await q(sql`set innodb_snapshot_isolation = on`.compile(db))
        await q(accounts.byId(9))
        if (q.attempt === 1) await fixture.oracle.query('update accounts set cents = cents + 1 where id = 9')
        await q(accounts.add(9, 1))
      },
      { retry: true },
    )
    expect(seen).toEqual([1, 2])
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 9: 102 })
  },
)

test('other failures are not run again', async () => {
  let attempts = 0
  const unit = program(function* () {
    attempts += 1
    yield* accounts.open('account 1', 1)
  })
  await expect(fixture.uow().run(unit)).rejects.toMatchObject({ kind: 'duplicate-key', attempts: 1 })
  expect(attempts).toBe(1)
})
