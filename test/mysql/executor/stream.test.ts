/** Rows as they come: as many as there are, no faster than they are taken, and the connection back at once. */
import { affected, many, type RowStream, type UnitOfWork } from '@leasehold/core'
import { recordFlights } from '@leasehold/core/testing'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { CamelCasePlugin } from 'kysely'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, type Database, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

interface Digits {
  digits: { digit_value: number }
}

const fixture = useFixture()
const numbers = mysqlBuilder<Database & Digits>()

beforeAll(async () => {
  await fixture.rows('create table digits (digit_value int primary key)')
  await fixture.rows('insert into digits values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)')
})
beforeEach(() => fixture.restore())

/** A million rows of half a kilobyte, which the server makes as it goes. */
const million = () =>
  many(
    numbers
      .selectFrom(['digits as a', 'digits as b', 'digits as c', 'digits as d', 'digits as e', 'digits as f'])
      .select((e) => e.fn<string>('repeat', [e.val('x'), e.lit(500)]).as('filling')),
  ).named('million')

/** What the server still does for the units, by their statements. */
async function running(): Promise<string[]> {
  const sessions = await fixture.sessions()
  return sessions.flatMap(({ statement }) => (statement?.includes('digits') === true ? [statement] : []))
}

async function take<Row>(rows: RowStream<Row>, count: number): Promise<Row[]> {
  const taken: Row[] = []
  for await (const row of rows) {
    taken.push(row)
    if (taken.length === count) break
  }
  return taken
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

const single = (): UnitOfWork => fixture.uow({ pool: { max: 1 } })

test('the rows are those that many gives, in their order', async () => {
  const uow = single()
  const all = db.selectFrom('accounts').selectAll().orderBy('id')
  const rows = await uow.read(all)
  expect(await take(uow.stream(all), 100)).toEqual(rows)
  expect(await take(uow.stream(accounts.all()), 100)).toEqual(rows)
  expect(await uow.run((q) => take(q.stream(accounts.all()), 100))).toEqual(rows)
  expect(await take(uow.stream(db.selectFrom('accounts').selectAll().where('id', '=', 0)), 1)).toEqual([])
})

test('plugins see the rows', async () => {
  const camel = mysqlBuilder<{ digits: { digitValue: number } }>({ plugins: [new CamelCasePlugin()] })
  const rows = single().stream(camel.selectFrom('digits').selectAll().orderBy('digitValue'))
  expect(await take(rows, 2)).toEqual([{ digitValue: 0 }, { digitValue: 1 }])
})

test('a stream is one flight, of the label of its query', async () => {
  const { flights } = await recordFlights(() => take(single().stream(accounts.all()), 100))
  expect(flights.map((flight) => flight.map(({ type, label }) => label ?? type))).toEqual([
    ['begin', 'savepoint', 'accounts.all'],
  ])
})

test('what is refused ahead of a stream is thrown in the place of its rows, and the session is replaced', async () => {
  const driver = mysqlDriver({ uri: fixture.database.uri, pool: { max: 1 } })
  const plan = many(db.selectFrom('accounts').selectAll())['~plan']
  if (plan.type !== 'statement') throw new Error('expected a statement')
  const command = { type: 'statement', statement: plan.statement, label: undefined } as const
  const connection = await driver.acquire()
  const rows: unknown[] = []
  const taking = async (): Promise<void> => {
    for await (const batch of connection.stream(command, [{ type: 'rollback to', name: 'nowhere' }]))
      rows.push(...batch)
  }
  await expect(taking()).rejects.toMatchObject({ name: 'StatementError', errno: 1305, sql: 'ROLLBACK TO' })
  expect(rows).toEqual([])
  connection.release()
  expect(driver.stats()).toMatchObject({ open: 0, discarded: { spent: 1 } })
  await driver.close()
})

test('all rows of a long result come, once', async () => {
  const hundred = numbers
    .selectFrom(['digits as a', 'digits as b', 'digits as c', 'digits as d'])
    .select((e) => [
      e('a.digit_value', '+', 0).as('a'),
      'b.digit_value as b',
      'c.digit_value as c',
      'd.digit_value as d',
    ])
  const seen = new Set<string>()
  let batches = 0
  for await (const rows of single().stream(hundred).batches()) {
    batches += 1
    for (const row of rows) seen.add(JSON.stringify(row))
  }
  expect(seen.size).toBe(10_000)
  expect(batches).toBeGreaterThan(10)
})

test.each(['uow.stream', 'q.stream'])('%s gives no further row once its unit was stopped', async (kind) => {
  const uow = single()
  const { signal, abort } = abortable()
  let seen = 0
  const loop = async (rows: RowStream<unknown>): Promise<void> => {
    for await (const _ of rows) {
      seen += 1
      if (seen === 2) abort()
    }
  }
  const all = accounts.all()
  const looping =
    kind === 'q.stream' ? uow.run((q) => loop(q.stream(all)), { signal }) : loop(uow.stream(all, { signal }))
  await expect(looping).rejects.toMatchObject({ name: 'DeadlineError', unit: {} })
  expect(seen).toBe(2)
})

test('no further batch is given once the unit has failed', async () => {
  const uow = single()
  let given = 0
  const unit = uow.run(async (q) => {
    for await (const _ of q.stream(million()).batches()) {
      given += 1
      await q(accounts.all()).catch(() => {})
    }
  })
  await expect(unit).rejects.toMatchObject({ name: 'UsageError' })
  expect(given).toBe(1)
})

test('a stream that is stopped says what was under way: its statement, and nothing from before', async () => {
  const uow = single()
  const { signal, abort } = abortable()
  const loop = async (): Promise<void> => {
    for await (const _ of uow.stream(million(), { signal })) abort()
  }
  await expect(loop()).rejects.toMatchObject({ activity: 'million was under way' })
})

test('the server waits while nobody takes, and stops when nobody will', async () => {
  const uow = single()
  const rows = uow.stream(million())[Symbol.asyncIterator]()
  expect((await rows.next()).value).toMatchObject({ filling: 'x'.repeat(500) })
  await sleep(500)
  expect(await running()).toHaveLength(1)
  await rows.return()
  expect(await running()).toEqual([])
  expect(uow.stats()).toMatchObject({ idle: 1, leased: 0, discarded: { lost: 0, spent: 0, stopped: 0 } })
  expect(await uow.read(accounts.byId(1))).toMatchObject({ id: 1 })
})

describe('in a body', () => {
  test('a loop that is left lets the unit go on, in its transaction', async () => {
    const uow = single()
    await uow.run(async (q) => {
      await q(accounts.add(1, 5))
      expect(await take(q.stream(million()), 1)).toHaveLength(1)
      await q(accounts.add(2, 5))
      const taken = await take(q.stream(accounts.all()), 2)
      expect(taken.map(({ cents }) => cents)).toEqual([105, 105])
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 105, 2: 105 })
    expect(uow.stats()).toMatchObject({ created: 1, idle: 1 })
  })

  test('an error in the loop rolls the unit back and comes out as it is', async () => {
    const mistake = new Error('in the loop')
    const uow = single()
    await expect(
      uow.run(async (q) => {
        await q(accounts.add(1, 5))
        for await (const _ of q.stream(million())) throw mistake
      }),
    ).rejects.toBe(mistake)
    expect(await running()).toEqual([])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats()).toMatchObject({ created: 1, idle: 1 })
  })

  test('a query while rows are on their way is refused, and fails the unit', async () => {
    await expect(
      single().run(async (q) => {
        for await (const { id } of q.stream(accounts.all())) await q(accounts.add(id, 5))
      }),
    ).rejects.toThrow(/^q was used while the rows of a stream were on their way in unit \d+.*uow\.stream/)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('a stream that the body leaves behind ends with it', async () => {
    const uow = single()
    await uow.run(async (q) => {
      await q(accounts.add(1, 5))
      await q.stream(million())[Symbol.asyncIterator]().next()
    })
    expect(await running()).toEqual([])
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 105 })
    expect(uow.stats()).toMatchObject({ created: 1, idle: 1 })
  })
})

test('an abort ends the stream, its statement and its locks', async () => {
  const uow = single()
  const abort = new AbortController()
  const rows = uow.stream(million(), { signal: abort.signal })[Symbol.asyncIterator]()
  await rows.next()
  abort.abort()
  await expect(
    (async () => {
      for (;;) if ((await rows.next()).done === true) return
    })(),
  ).rejects.toMatchObject({ name: 'DeadlineError', reason: 'aborted' })
  await expect.poll(running).toEqual([])
  expect(await uow.read(accounts.byId(1))).toMatchObject({ id: 1 })
})

test('an abort while whoever takes the rows is busy is thrown when they come back', async () => {
  const uow = single()
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  const { signal, abort } = abortable()
  try {
    let seen = 0
    const taking = async (): Promise<void> => {
      for await (const _ of uow.stream(million(), { signal })) {
        seen += 1
        if (seen > 1) continue
        abort()
        await expect.poll(() => uow.stats().leased, { timeout: 10_000 }).toBe(0)
      }
    }
    await expect(taking()).rejects.toMatchObject({ name: 'DeadlineError', reason: 'aborted' })
    expect(seen).toBeLessThan(10_000)
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
  expect(await uow.read(accounts.byId(1))).toMatchObject({ id: 1 })
})

test('what the server says on the way comes out, and the connection is sound', async () => {
  const uow = single()
  const rows = uow.stream(million())[Symbol.asyncIterator]()
  await rows.next()
  const session = (await fixture.sessions()).find(({ statement }) => statement?.includes('digits'))
  await fixture.rows(`kill query ${session?.id}`)
  await expect(
    (async () => {
      for (;;) if ((await rows.next()).done === true) return
    })(),
  ).rejects.toMatchObject({ name: 'StatementError', kind: 'killed', label: 'million' })
  expect(await uow.read(accounts.byId(1))).toMatchObject({ id: 1 })
  expect(uow.stats()).toMatchObject({ created: 1, idle: 1 })
})

test('rows that can not be stopped cost the connection, and are never taken for other answers', async () => {
  let cutting = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    // Whoever connects now, as the control connection does.
    onPacket: (_, { packets }) => (cutting && packets.length < 3 ? 'cut' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 } })
  const unit = uow.run(async (q) => {
    await q(accounts.add(1, 5))
    for await (const _ of q.stream(million())) {
      cutting = true
      break
    }
    await q(accounts.byId(1))
  })
  await expect(unit).rejects.toMatchObject({ name: 'ConnectionLostError' })
  cutting = false
  expect(await uow.read(accounts.byId(1))).toMatchObject({ cents: 100 })
  await uow.close()
  await proxy.stop()
})

test('a connection that breaks on the way is lost', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 } })
  const rows = uow.stream(million())[Symbol.asyncIterator]()
  await rows.next()
  await proxy.stop()
  await expect(
    (async () => {
      for (;;) if ((await rows.next()).done === true) return
    })(),
  ).rejects.toMatchObject({ name: 'ConnectionLostError' })
  expect(uow.stats()).toMatchObject({ open: 0, leased: 0 })
})

test('rows are taken once, and are the rows of a statement that reads', async () => {
  const uow = single()
  const rows = uow.stream(accounts.all())
  await take(rows, 1)
  await expect(take(rows, 1)).rejects.toThrow('a stream of rows was iterated twice')

  const mapped = accounts.all().map((found) => found)
  await expect(take(uow.stream(mapped), 1)).rejects.toThrow(/expected the rows of one statement that reads/)
  const writing = affected(db.deleteFrom('accounts')) as never
  await expect(take(uow.stream(writing), 1)).rejects.toThrow(/expected the rows of one statement that reads/)
})
