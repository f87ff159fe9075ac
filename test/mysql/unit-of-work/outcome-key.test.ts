import { afterCommit, afterRollback, all, type Query } from '@leasehold/core'
import { mysqlBuilder, outcomeTable, outcomeTableUpgrade } from '@leasehold/mysql'
import { commandOf, type RecordingProxy, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeAll(async () => {
  await fixture.oracle.query(outcomeTable)
})
beforeEach(() => fixture.restore())

const proxies: RecordingProxy[] = []
afterEach(() => Promise.all(proxies.splice(0).map((proxy) => proxy.stop())))

const work = (): Query<unknown> => all([accounts.add(1, 1), accounts.add(2, 1)])
const DONE = { ...UNTOUCHED, 1: 101, 2: 101 }

/** A unit of work whose first COMMIT is cut off, before the server gets it or before its answer comes. */
async function cutOff(when: 'before' | 'after') {
  let commits = 0
  let cut = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => {
      if (commandOf(packet)?.sql === 'COMMIT') {
        commits += 1
        if (commits === 1 && when === 'before') return 'cut'
      } else if (packet.from === 'server' && commits === 1 && when === 'after' && !cut) {
        cut = true
        return 'cut'
      }
      return 'forward'
    },
  })
  proxies.push(proxy)
  return fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 1 } })
}

describe.each(['before', 'after'] as const)(
  'with a key, a connection that is lost %s COMMIT was carried out',
  (when) => {
    test('has the unit happen exactly once, and its value given', async () => {
      const uow = await cutOff(when)
      const called: string[] = []
      const hooked = all([
        work(),
        afterCommit(() => called.push('once')),
        afterRollback(() => called.push('never')),
      ])
      const [value] = await uow.run(hooked, { outcomeKey: `value ${when}` })
      expect(value).toEqual([1, 1])
      expect(await fixture.balances()).toEqual(DONE)
      expect(called).toEqual(['once'])
      expect(await uow.outcome(`value ${when}`)).toBe(true)
    })

    test('is looked up for a unit of a lease, whose own connection is lost', async () => {
      const uow = await cutOff(when)
      const lease = await uow.lease()
      const unit = lease.run(work(), { outcomeKey: `lease ${when}` })
      const outcome: unknown = await unit.then(
        () => 'done',
        (error: unknown) => (error as Error).name,
      )
      expect(outcome).toBe(when === 'after' ? 'done' : 'ConnectionLostError')
      expect(await fixture.balances()).toEqual(when === 'after' ? DONE : UNTOUCHED)
      await expect(lease.run(work())).rejects.toMatchObject({ name: 'AcquireError', reason: 'lost' })
      await lease.close()
    })

    test('tells of a body whether it is committed, and its hooks', async () => {
      const uow = await cutOff(when)
      const called: string[] = []
      const body = uow.run(
        async (q) => {
          await q(work())
          await q.all([
            afterCommit(() => called.push('committed')),
            afterRollback(() => called.push('rolled back')),
          ])
          return 'done'
        },
        { outcomeKey: `body ${when}` },
      )
      const outcome: unknown = await body.catch((error: unknown) => (error as Error).name)
      expect(outcome).toBe(when === 'after' ? 'done' : 'ConnectionLostError')
      expect(await fixture.balances()).toEqual(when === 'after' ? DONE : UNTOUCHED)
      expect(called).toEqual([when === 'after' ? 'committed' : 'rolled back'])
    })
  },
)

test('a key that was committed before: nothing of the second unit remains', async () => {
  const uow = fixture.uow()
  await uow.run(work(), { outcomeKey: 'twice' })
  await expect(uow.run(work(), { outcomeKey: 'twice' })).rejects.toMatchObject({
    name: 'AlreadyCommittedError',
  })
  const body = uow.run((q) => q(work()), { outcomeKey: 'twice' })
  await expect(body).rejects.toMatchObject({ name: 'AlreadyCommittedError' })
  expect(await fixture.balances()).toEqual(DONE)
})

test('an outcome that can not be asked for stays unknown, and says how to ask later', async () => {
  let committing = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket(packet) {
      if (committing) return 'cut'
      committing = commandOf(packet)?.sql === 'COMMIT'
      return 'forward'
    },
  })
  proxies.push(proxy)
  const uow = fixture.uow({
    host: proxy.host,
    port: proxy.port,
    pipeline: true,
    pool: { acquireTimeout: 300 },
  })
  await expect(uow.run(work(), { outcomeKey: 'asked in vain' })).rejects.toMatchObject({
    name: 'CommitUnknownError',
    message: expect.stringMatching(/looking up its outcomeKey failed, too.*uow\.outcome\(key\)/u) as unknown,
    cause: { name: 'ConnectionLostError' },
  })
  await expect.poll(() => fixture.uow().outcome('asked in vain')).toBe(true)
})

test('of several at the same time, one is committed', async () => {
  const uow = fixture.uow({ pool: { max: 8 } })
  const units = Array.from({ length: 8 }, () => uow.run(work(), { outcomeKey: 'race' }))
  const settled = await Promise.allSettled(units)
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await fixture.balances()).toEqual(DONE)
})

test('the key of a unit that failed is free', async () => {
  const uow = fixture.uow()
  const failing = all([work(), accounts.open('account 9', 1)])
  await expect(uow.run(failing, { outcomeKey: 'failed' })).rejects.toMatchObject({ kind: 'duplicate-key' })
  expect(await uow.outcome('failed')).toBe(false)
  await uow.run(work(), { outcomeKey: 'failed' })
  expect(await uow.outcome('failed')).toBe(true)
})

test('keys differ by case and accent', async () => {
  const uow = fixture.uow()
  await uow.run(work(), { outcomeKey: 'Ä' })
  await uow.run(work(), { outcomeKey: 'ä' })
  expect(await uow.outcome('a')).toBe(false)
})

describe('keys are compared byte by byte:', () => {
  test.each([
    ['a blank at the end', 'order-1', 'order-1 '],
    ['a tab at the end', 'order-1', 'order-1\t'],
    ['a zero at the end', 'order-1', 'order-1\0'],
    ['another composition of a letter', 'é', 'e\u0301'],
    ['what is behind 255 characters', 'k'.repeat(255), `${'k'.repeat(255)}l`],
    ['what is behind 1 019 bytes', `${'😀'.repeat(254)}abca`, `${'😀'.repeat(254)}abcb`],
  ])('%s', async (_, one, another) => {
    const uow = fixture.uow()
    await fixture.oracle.query('delete from leasehold_outcomes')
    await uow.run(work(), { outcomeKey: one })
    expect(await uow.outcome(another)).toBe(false)
    await uow.run(work(), { outcomeKey: another })
    expect(await uow.outcome(another)).toBe(true)
    expect(await fixture.rows('select count(*) as n from leasehold_outcomes')).toEqual([{ n: 2 }])
    await expect(uow.run(work(), { outcomeKey: one })).rejects.toMatchObject({
      name: 'AlreadyCommittedError',
    })
  })

  test('also where the server is not strict', async () => {
    const uow = fixture.uow()
    const key = '😀'.repeat(255)
    const body = async (outcomeKey: string) =>
      uow.run(async (q) => q(sql`set sql_mode = ''`.compile(mysqlBuilder())), { outcomeKey })
    await body(key)
    await body(`${key.slice(2)}a`)
    expect(await uow.outcome(key)).toBe(true)
  })
})

describe('a key that can not be kept as it is is refused before anything runs:', () => {
  test.each([
    ['an empty one', ''],
    ['half a surrogate pair', 'a\ud800'],
    ['one that is too long', '😀'.repeat(255) + 'a'],
    ['no string', 7 as unknown as string],
    ['null', null as unknown as string],
  ])('%s', async (_, outcomeKey) => {
    const uow = fixture.uow()
    const ran: string[] = []
    const body = async (): Promise<void> => void ran.push('body')
    await expect(uow.run(work(), { outcomeKey })).rejects.toMatchObject({ name: 'UsageError' })
    await expect(uow.run(body, { outcomeKey })).rejects.toThrow(
      /^outcomeKey: expected a string of 1 to 1020 bytes/,
    )
    await expect(uow.outcome(outcomeKey)).rejects.toMatchObject({ name: 'UsageError' })
    expect(ran).toEqual([])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

describe('on a table of the earlier definition', () => {
  const EARLIER =
    'create table leasehold_outcomes (outcome_key varchar(255) character set utf8mb4 collate utf8mb4_bin not null primary ' +
    'key, committed_at timestamp(6) not null default current_timestamp(6), key (committed_at)) engine = InnoDB'

  beforeEach(async () => {
    await fixture.oracle.query('drop table if exists leasehold_outcomes')
    await fixture.oracle.query(EARLIER)
  })
  afterAll(async () => {
    await fixture.oracle.query('drop table if exists leasehold_outcomes')
    await fixture.oracle.query(outcomeTable)
  })

  test('units with a key are refused, with the remedy, until the upgrade has run', async () => {
    const uow = fixture.uow()
    await fixture.oracle.query("insert into leasehold_outcomes (outcome_key) values ('before 😀')")
    // It leaves a table that is there as it is.
    await fixture.oracle.query(outcomeTable)
    const refusal = { name: 'UsageError', message: expect.stringContaining('outcomeTableUpgrade') as string }
    await expect(uow.run(work(), { outcomeKey: 'before 😀' })).rejects.toMatchObject(refusal)
    await expect(uow.run((q) => q(work()), { outcomeKey: 'after' })).rejects.toMatchObject(refusal)
    await expect(uow.outcome('before 😀')).rejects.toMatchObject(refusal)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await fixture.oracle.query(outcomeTableUpgrade)
    expect(await uow.outcome('before 😀')).toBe(true)
    expect(await uow.outcome('before 😀 ')).toBe(false)
    await expect(uow.run(work(), { outcomeKey: 'before 😀' })).rejects.toMatchObject({
      name: 'AlreadyCommittedError',
    })
    await uow.run(work(), { outcomeKey: 'before 😀 ' })
    expect(await fixture.balances()).toEqual(DONE)
  })

  test('the upgrade makes the table that there would be without it', async () => {
    const columns =
      'select column_name as name, column_type as type, is_nullable as nullable, column_default as fallback, column_key as ' +
      "k from information_schema.columns where table_name = 'leasehold_outcomes' and table_schema = database() order by 1"
    await fixture.oracle.query(outcomeTableUpgrade)
    const upgraded = await fixture.rows(columns)
    await fixture.oracle.query('drop table leasehold_outcomes')
    await fixture.oracle.query(outcomeTable)
    expect(upgraded).toEqual(await fixture.rows(columns))
  })
})

test('without the table, the refusal tells of it', async () => {
  await fixture.oracle.query('drop table leasehold_outcomes')
  try {
    await expect(fixture.uow().run(work(), { outcomeKey: 'a' })).rejects.toThrow(/outcomeTable/)
  } finally {
    await fixture.oracle.query(outcomeTable)
  }
})

test('a COMMIT that never arrived and was not waited for is settled as rolled back, and run again', async () => {
  let dropped = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket(packet) {
      if (dropped > 0 || commandOf(packet)?.sql !== 'COMMIT') return 'forward'
      dropped += 1
      return 'drop'
    },
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const options = { outcomeKey: 'not waited for', commitTimeout: 300 }
  expect(await uow.run(accounts.add(1, 1), options)).toBe(1)
  expect(dropped).toBe(1)
  expect((await fixture.balances())[1]).toBe(101)
  dropped = 0
  const once = { outcomeKey: 'once', commitTimeout: 300, retry: false }
  await expect(uow.run(accounts.add(1, 1), once)).rejects.toMatchObject({
    name: 'ConnectionLostError',
    message: expect.stringContaining('COMMIT did not come within 300 ms') as unknown,
  })
  expect((await fixture.balances())[1]).toBe(101)
  await uow.close()
  await proxy.stop()
})
