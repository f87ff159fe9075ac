import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterRollback, all, one, type UnitOfWork } from '@leasehold/core'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { testSeed } from '@leasehold/test-support/test-seed'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { accounts, db, eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const sleep = (seconds: number) =>
  one(db.selectNoFrom(sql<number>`sleep(${seconds})`.as('slept'))).named('sleep')

/** Starts a unit and aborts it as soon as its statement is under way. */
async function abortWhileRunning(
  uow: UnitOfWork,
  work: Parameters<UnitOfWork['run']>[0],
  text: string,
): Promise<unknown> {
  const controller = new AbortController()
  const unit = uow.run(work, { signal: controller.signal }).catch((error: unknown) => error)
  await eventually(async () =>
    (await fixture.sessions()).some(({ statement }) => statement?.includes(text) === true),
  )
  controller.abort(new Error('no more'))
  return unit
}

describe('a unit whose time is up', () => {
  test('settles with what it was doing, and its session and locks are gone', async () => {
    const uow = fixture.uow()
    // The time is not to be spent on a connection.
    await uow.run(accounts.all())
    await expect(uow.run(all([accounts.add(1, 1), sleep(30)]), { timeout: 500 })).rejects.toMatchObject({
      name: 'DeadlineError',
      reason: 'timeout',
      activity: 'accounts.add, sleep was under way',
    })
    await fixture.unlocked()
    await eventually(async () => (await fixture.sessions()).every(({ statement }) => statement === null))
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(await uow.run(accounts.add(1, 1))).toBe(1)
  })

  test('while it waits for a connection: nothing ran, and the connection goes to others', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    const long = uow.run(sleep(0.5))
    await expect(uow.run(accounts.add(1, 1), { timeout: 100 })).rejects.toMatchObject({
      name: 'DeadlineError',
      activity: 'it waited for a connection',
    })
    await long
    expect(await uow.run(accounts.add(2, 1))).toBe(1)
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 2: 101 })
  })

  test('while the body waits for something else', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    let resume: () => void = () => {}
    const elsewhere = new Promise<void>((resolve) => {
      resume = resolve
    })
    const late: unknown[] = []
    // The time is not to be spent on a connection.
    await uow.run(accounts.all())
    const body = uow.run(
      async (q) => {
        await q(accounts.add(1, 1))
        await elsewhere
        await q(accounts.add(2, 1)).catch((error: unknown) => late.push(error))
      },
      { timeout: 100 },
    )
    await expect(body).rejects.toMatchObject({
      name: 'DeadlineError',
      activity: 'no statement was under way',
    })
    await fixture.unlocked()
    resume()
    await eventually(() => late.length === 1)
    expect(late).toMatchObject([{ name: 'UsageError' }])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('in COMMIT: nobody knows', async () => {
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: (packet) => (commandOf(packet)?.sql === 'COMMIT' ? 'drop' : 'forward'),
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
    const limits = { timeout: 500, commitTimeout: 1_000 }
    const unit = uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]), limits)
    await expect(unit).rejects.toMatchObject({
      name: 'CommitUnknownError',
      cause: { message: expect.stringContaining('COMMIT did not come within 1000 ms') as unknown },
    })
    await fixture.unlocked()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await uow.close()
    await proxy.stop()
  })

  test('with a server that does not answer', async () => {
    const sockets: Socket[] = []
    const listener = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(
      0,
      '127.0.0.1',
    )
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const uow = fixture.uow({ port, connectTimeout: 300, pool: { closeTimeout: 100 } })
    await expect(uow.run(accounts.all(), { timeout: 50 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await uow.close()
    listener.close()
  })
})

test('a unit whose time is up before the server could be reached is told why', async () => {
  const uow = fixture.uow({ port: 1, pool: { acquireTimeout: 10_000 } })
  await expect(uow.run(accounts.all(), { timeout: 200 })).rejects.toMatchObject({
    name: 'DeadlineError',
    cause: { code: 'ECONNREFUSED' },
  })
})

describe('a unit that is aborted', () => {
  test('in a lock wait, and the locks it had come free', async () => {
    const uow = fixture.uow()
    await fixture.oracle.query('begin')
    await fixture.oracle.query('update accounts set cents = 0 where id = 9')
    const error = await abortWhileRunning(uow, all([accounts.add(1, 1), accounts.add(9, 1)]), '`id` = 9')
    expect(error).toMatchObject({ name: 'DeadlineError', reason: 'aborted', cause: { message: 'no more' } })
    await eventually(async () => (await fixture.sessions()).every(({ statement }) => statement === null))
    await fixture.oracle.query('update accounts set cents = 100 where id = 1')
    await fixture.oracle.query('rollback')
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('before it began: nothing is sent, no body is called', async () => {
    const uow = fixture.uow()
    const signal = AbortSignal.abort()
    let called = false
    const body = async (): Promise<void> => {
      called = true
    }
    await expect(uow.run(body, { signal })).rejects.toMatchObject({
      name: 'DeadlineError',
      reason: 'aborted',
    })
    await expect(uow.run(accounts.add(1, 1), { signal })).rejects.toMatchObject({ reason: 'aborted' })
    expect(called).toBe(false)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('rolls back, hooks included', async () => {
    const called: string[] = []
    await abortWhileRunning(
      fixture.uow(),
      all([afterRollback(() => called.push('rollback')), sleep(30)]),
      'sleep',
    )
    expect(called).toEqual(['rollback'])
  })

  test('after its end: nothing happens', async () => {
    const controller = new AbortController()
    const uow = fixture.uow({ pool: { max: 1 } })
    await uow.run(accounts.add(1, 1), { signal: controller.signal, timeout: 60_000 })
    controller.abort()
    expect(await uow.run(accounts.add(1, 1))).toBe(1)
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 102 })
  })
})

test('10 000 units aborted while they wait: no connection is lost, and none is given to who is gone', async () => {
  const random = new Random(testSeed())
  // Who is not aborted waits for as long as it takes.
  const uow = fixture.uow({ pool: { max: 4, acquireTimeout: 120_000 } })
  const units = Array.from({ length: 10_000 }, async (_, index) => {
    const controller = new AbortController()
    const unit = uow.run(accounts.byId((index % 9) + 1), { signal: controller.signal })
    if (index % 3 !== 0) setTimeout(() => controller.abort(), random.integer(0, 20))
    return unit.then(
      () => 'done',
      (error: unknown) => (error as Error).name,
    )
  })
  const outcomes = new Set(await Promise.all(units))
  expect([...outcomes].filter((outcome) => outcome !== 'done' && outcome !== 'DeadlineError')).toEqual([])
  const session = one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))).map(({ id }) => id)
  const sessions = await Promise.all(Array.from({ length: 100 }, () => uow.run(session)))
  expect(new Set(sessions).size).toBeLessThanOrEqual(4)
}, 120_000)

test('a statement limit is kept by the server, for this unit alone', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  const limit = { statementTimeout: 100 }
  // Reads enough to take long, which SLEEP does not count as on MySQL.
  const long = one(
    db
      .selectFrom([
        'accounts as a',
        'accounts as b',
        'accounts as c',
        'accounts as d',
        'accounts as e',
        'accounts as f',
        'accounts as g',
        'accounts as h',
        'accounts as i',
      ])
      .select((e) => e.fn.sum<string>(sql`crc32(concat(a.id, b.id, c.id, d.id))`).as('x')),
  )
  await expect(uow.run(long, limit)).rejects.toMatchObject({ kind: 'statement-timeout' })
  expect(await uow.run(sleep(0.3))).toEqual({ slept: 0 })
})
