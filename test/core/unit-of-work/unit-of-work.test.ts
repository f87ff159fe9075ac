import { channel } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import {
  AcquireError,
  affected,
  all,
  attempt,
  type Body,
  CommitUnknownError,
  ConnectionLostError,
  createUnitOfWork,
  defineRepository,
  type Executor,
  fail,
  ImplicitCommitError,
  inserted,
  many,
  one,
  program,
  type Query,
  type Queryable,
  type RunOptions,
  StatementError,
  succeed,
  type UnitEvent,
  type UnitOfWork,
  type RowsQueryable,
  type UnitOfWorkOptions,
  UsageError,
} from '@leasehold/core'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { RecordingDriver, refusal, type Script } from '@leasehold/core/testing'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

const insert = db.insertInto('accounts').values({ ownerName: 'Ann', cents: 1 })

function ignoring(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch(() => {})
}

describe('a unit', () => {
  test('that succeeds is committed, and the connection released', async () => {
    const { uow, driver } = record({ answers: { b: { affectedRows: 4 } } })
    expect(await uow.run(read('a').andThen(() => write('b').map((count) => count * 2)))).toBe(8)
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['commit'], 'release'])
  })

  test('that fails is rolled back, and the connection released', async () => {
    const { uow, driver } = record({ answers: { b: refusal('deadlock', 1213) } })
    const unit = uow.run(all([write('a'), write('b'), write('c')]), { retry: false })
    const error = await failureOf(unit)
    expect(error).toBeInstanceOf(StatementError)
    expect(error).toMatchObject({ kind: 'deadlock', errno: 1213, label: 'b', index: 1 })
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'c'], ['rollback'], 'release'])
  })

  test('without statements takes no connection', async () => {
    const { uow, driver } = record()
    expect(await uow.run(succeed(1).map((value) => value + 1))).toBe(2)
    expect(await uow.run(() => Promise.resolve('nothing'))).toBe('nothing')
    expect(await uow.run((q) => q(succeed(3)))).toBe(3)
    expect(await failureOf(uow.run(() => Promise.reject(new Error('mine'))))).toEqual(new Error('mine'))
    expect(driver.journal).toEqual([])
  })

  test('takes its connection not before the first statement', async () => {
    const { uow, driver } = record()
    await uow.run(async (q) => {
      await turn()
      expect(driver.journal).toEqual([])
      await q(read('a'))
    })
    expect(driver.journal).toEqual(['acquire', ['a'], ['commit'], 'release'])
  })

  test('that could get no connection calls no code of the caller again', async () => {
    const refused = new AcquireError('connect', 'refused')
    const seen: unknown[] = []
    const query = program(function* () {
      try {
        yield* read('a')
      } catch (error) {
        seen.push(error)
        throw error
      }
    })
    expect(await failureOf(record({ refused }).uow.run(query))).toBe(refused)
    expect(seen).toEqual([refused])
  })

  test('is one of many at a time', async () => {
    const { uow, driver } = record()
    await Promise.all([uow.run(write('a')), uow.run(write('b')), uow.run((q) => q(write('c')))])
    expect(driver.journal.filter((entry) => entry === 'acquire')).toHaveLength(3)
    expect(driver.journal.filter((entry) => entry === 'release')).toHaveLength(3)
    expect([...driver.sent].sort()).toEqual(['a', 'b', 'c', 'commit', 'commit', 'commit'])
  })
})

describe('COMMIT', () => {
  test('is sent only when every answer has come', async () => {
    const gate = Promise.withResolvers<void>()
    const { uow, driver } = record({ delay: () => gate.promise })
    const run = uow.run(all([write('a'), write('b')]))
    await turn()
    await turn()
    expect(driver.journal).toEqual(['acquire', ['a', 'b']])
    gate.resolve()
    await run
    expect(driver.journal).toEqual(['acquire', ['a', 'b'], ['commit'], 'release'])
  })

  const reading = read('r')
  const writing = write('w')
  test.each<[string, Queryable, readonly string[]]>([
    ['a read', reading, ['r', 'commit']],
    ['a locking read', one(db.selectFrom('accounts').selectAll().forUpdate()).named('r'), ['r', 'commit']],
    ['reads side by side', all([reading, reading]), ['r', 'r', 'commit']],
    ['a read with map and a name', reading.map((rows) => rows.length).named('x'), ['r', 'commit']],
    ['all of reads with map', all([reading.map(String)]).map(String), ['r', 'commit']],
    ['a read with a check', one(db.selectFrom('accounts').selectAll()).named('r'), ['r', 'commit']],
    ['a lone write', writing, ['w', 'commit']],
    ['a lone write with a name', all([writing.named('x')]).named('y'), ['w', 'commit']],
  ])('travels with the last flight of a value that is %s', async (_, query, flight) => {
    const { uow, driver } = record({ answers: { r: [{ id: 1 }] } })
    await uow.run(query)
    expect(driver.journal).toEqual(['acquire', flight, 'release'])
  })

  test('travels with the write of a builder given as it is', async () => {
    const { uow, driver } = record()
    await uow.run(db.deleteFrom('accounts'))
    expect(driver.journal).toEqual(['acquire', ['delete from `accounts`', 'commit'], 'release'])
  })

  const calling = many(db.selectFrom('accounts').select((e) => e.fn<number>('post', ['id']).as('posted')))
  test.each<[string, Queryable]>([
    ['a write with map', writing.map(String)],
    ['a write in an all with map', all([writing]).map(String)],
    ['a write that andThen follows', writing.andThen(() => succeed(1))],
    ['a write with a check on its count', affected(db.deleteFrom('accounts'), { exactly: 1 }).named('w')],
    ['a write with a check on its key', inserted(insert).named('w')],
    ['a write that returns rows', affected(insert.returningAll()).named('w')],
    ['a write in a program', program(() => writing[Symbol.iterator]() as never)],
    ['two writes', all([writing, writing])],
    ['a write beside a read', all([writing, reading])],
    ['a read behind a write', writing.andThen(() => reading)],
    ['a read in a program', program(() => reading[Symbol.iterator]() as never)],
    ['a read that calls a function, which may write', calling.named('w')],
    ['raw SQL', raw('x')],
    ['raw SQL in an open transaction', reading.andThen(() => raw('x'))],
    ['a body', (q: (query: Queryable) => Promise<unknown>) => q(reading)] as never,
  ])('travels alone behind %s', async (_, query) => {
    const { uow, driver } = record({ answers: { w: { insertId: 1n } } })
    await uow.run(query)
    expect(driver.journal.slice(-2)).toEqual([['commit'], 'release'])
    expect(driver.sent.filter((name) => name === 'commit')).toHaveLength(1)
  })

  test('that travelled with a failing read leaves nothing to roll back', async () => {
    const { uow, driver } = record()
    expect(await failureOf(uow.run(one(db.selectFrom('accounts').selectAll()).named('r')))).toMatchObject({
      name: 'ResultError',
    })
    expect(driver.journal).toEqual(['acquire', ['r', 'commit'], 'release'])
  })

  test.each([true, false])(
    'that travelled with a refused write (carried out: %s) is no success',
    async (carriesOn) => {
      const { uow, driver } = record({ answers: { w: refusal() }, carriesOn })
      expect(await failureOf(uow.run(writing))).toMatchObject({ label: 'w' })
      expect(driver.journal).toEqual([
        'acquire',
        ['w', 'commit'],
        ...(carriesOn ? [] : [['rollback']]),
        'release',
      ])
    },
  )

  test('does not travel with a write whose BEGIN could be refused', async () => {
    const { uow, driver } = record({ answers: { begin: refusal() } })
    expect(await failureOf(uow.run(writing, { isolationLevel: 'serializable' }))).toBeInstanceOf(
      StatementError,
    )
    expect(driver.journal).toEqual(['acquire', ['begin', 'w'], 'discard'])
  })

  test('that the server refuses fails the unit, which is rolled back', async () => {
    const { uow, driver } = record({ answers: { commit: refusal('conflict') } })
    const unit = uow.run(all([writing, writing]), { retry: false })
    expect(await failureOf(unit)).toMatchObject({ kind: 'conflict' })
    expect(driver.journal).toEqual(['acquire', ['w', 'w'], ['commit'], ['rollback'], 'release'])
  })
})

describe('the error of a unit', () => {
  test('is the one that its body threw, as the same object, whatever failed before', async () => {
    const mine = new Error('mine')
    const { uow, driver } = record({ answers: { bad: refusal() } })
    const run = uow.run(async (q) => {
      await ignoring(q(write('bad')))
      throw mine
    })
    expect(await failureOf(run)).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['bad'], ['rollback'], 'release'])
  })

  test('is the first failure when the body swallowed it: the unit is doomed all the same', async () => {
    const { uow, driver } = record({ answers: { bad: refusal() } })
    const run = uow.run(async (q) => {
      await q(write('a'))
      await ignoring(q(write('bad')))
      await ignoring(q(write('never sent')))
      return 'fine'
    })
    expect(await failureOf(run)).toMatchObject({ name: 'StatementError', label: 'bad' })
    expect(driver.journal).toEqual(['acquire', ['a'], ['bad'], ['rollback'], 'release'])
  })

  test('is not replaced by that of a failing ROLLBACK, which has the connection discarded', async () => {
    const mine = new Error('mine')
    const { uow, driver } = record({ answers: { rollback: refusal('killed') } })
    expect(await failureOf(uow.run(write('a').andThen(() => fail(mine))))).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'discard'])
    expect(driver.discarded).toMatchObject([{ kind: 'killed' }])
  })

  test('is not replaced by a connection that is lost in ROLLBACK', async () => {
    const mine = new Error('mine')
    const { uow, driver } = record({ lost: { flight: 2, sent: true } })
    expect(await failureOf(uow.run(write('a').andThen(() => fail(mine))))).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'discard'])
    expect(driver.discarded[0]).toBeInstanceOf(ConnectionLostError)
  })

  test('may be anything that was thrown', async () => {
    const { uow, driver } = record()
    // oxlint-disable-next-line prefer-promise-reject-errors -- callers do
    expect(await failureOf(uow.run((q) => q(write('a')).then(() => Promise.reject('a string'))))).toBe(
      'a string',
    )
    expect(driver.sent).toEqual(['a', 'rollback'])
  })
})

describe('a lost connection', () => {
  const twoSteps = write('a').andThen(() => write('b'))

  test.each([true, false])('is discarded without ROLLBACK (sent: %s)', async (sent) => {
    const { uow, driver } = record({ lost: { flight: 2, sent } })
    const error = await failureOf(uow.run(twoSteps.map(String), { retry: false }))
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(error).toMatchObject({ sent })
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], 'discard'])
    expect(driver.discarded).toEqual([error])
  })

  test('in COMMIT leaves the outcome unknown', async () => {
    const { uow, driver } = record({ lost: { flight: 3, sent: true } })
    const error = await failureOf(uow.run(twoSteps))
    expect(error).toBeInstanceOf(CommitUnknownError)
    expect((error as Error).cause).toBeInstanceOf(ConnectionLostError)
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['commit'], 'discard'])
  })

  test('in COMMIT that travelled with a write leaves it unknown, too', async () => {
    const { uow } = record({ lost: { flight: 1, sent: true } })
    expect(await failureOf(uow.run(write('a')))).toBeInstanceOf(CommitUnknownError)
  })

  test.each<[string, Query<unknown>, Script]>([
    ['nothing of it was sent', twoSteps, { lost: { flight: 3, sent: false } }],
    ['nothing of the whole unit was sent', write('a'), { lost: { flight: 1, sent: false } }],
    ['the unit only read', read('a').andThen(() => read('b')), { lost: { flight: 2, sent: true } }],
    [
      'it was lost before COMMIT, without pipelining',
      write('a'),
      { lost: { flight: 1, sent: true }, pipelining: false },
    ],
  ])('in COMMIT leaves nothing unknown when %s', async (_, query, script) => {
    const error = await failureOf(record(script).uow.run(query, { retry: false }))
    expect(error).toBeInstanceOf(ConnectionLostError)
  })

  test('in COMMIT leaves the outcome unknown when the unit called a function, which may have written', async () => {
    const calling = many(db.selectFrom('accounts').select((e) => e.fn<number>('post', ['id']).as('posted')))
    const error = await failureOf(record({ lost: { flight: 2, sent: true } }).uow.run(calling))
    expect(error).toBeInstanceOf(CommitUnknownError)
  })

  test('fails all that wait for the flight', async () => {
    const { uow } = record({ lost: { flight: 1, sent: true } })
    const errors: unknown[] = []
    const run = uow.run(async (q) => {
      errors.push(...(await Promise.all([failureOf(q(read('a'))), failureOf(q(write('b')))])))
    })
    const error = await failureOf(run)
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(errors).toEqual([error, error])
  })
})

describe('a commit that nobody asked for', () => {
  const ended = { inTransaction: false }

  test('is noticed behind raw SQL, fails the unit and names the statement', async () => {
    const { uow, driver } = record({ answers: { ddl: ended } })
    const error = await failureOf(uow.run(all([write('a'), raw('ddl'), write('b')])))
    expect(error).toBeInstanceOf(ImplicitCommitError)
    expect(error).toMatchObject({ label: 'ddl', sql: 'call something()' })
    expect(driver.journal).toEqual(['acquire', ['a', 'savepoint', 'ddl', 'release'], ['rollback'], 'release'])
  })

  test('is noticed where another transaction was begun at once', async () => {
    const { uow } = record({ answers: { release: refusal('unknown-name', 1_305) } })
    expect(await failureOf(uow.run((q) => q(raw('call'))))).toBeInstanceOf(ImplicitCommitError)
  })

  test('is noticed behind raw SQL that fails, because an error does not tell', async () => {
    const { uow } = record({ answers: { ddl: refusal(), release: refusal('unknown-name', 1_305) } })
    const error = await failureOf(uow.run(raw('ddl')))
    expect(error).toBeInstanceOf(ImplicitCommitError)
    expect(error).toMatchObject({ label: 'ddl', cause: { name: 'StatementError' } })
  })

  test('is asked for where the failure kept the release from being sent', async () => {
    for (const script of [{ carriesOn: false }, { pipelining: false }]) {
      const answers = { ddl: refusal(), release: refusal('unknown-name', 1_305) }
      const { uow, driver } = record({ answers, ...script })
      expect(await failureOf(uow.run(raw('ddl')))).toBeInstanceOf(ImplicitCommitError)
      expect(driver.sent).toEqual(
        expect.arrayContaining(['savepoint', 'ddl', 'release', 'rollback']) as unknown,
      )
    }
  })

  test.each(['deadlock', 'conflict'] as const)(
    'is not what a failure of kind %s is taken for, with which the server may roll back',
    async (kind) => {
      const { uow } = record({
        answers: { call: refusal(kind), release: refusal('unknown-name', 1_305) },
      })
      expect(await failureOf(uow.run((q) => q(raw('call'))))).toMatchObject({ kind })
    },
  )

  test('is not looked for behind what was not sent, for an earlier statement had failed', async () => {
    for (const script of [{ carriesOn: false }, { pipelining: false }]) {
      const answers = { a: refusal('duplicate-key'), release: refusal('unknown-name', 1_305) }
      const { uow } = record({ answers, ...script })
      const error = await failureOf(uow.run(all([write('a'), raw('call')])))
      expect(error).toMatchObject({ kind: 'duplicate-key' })
    }
  })

  test('is told also where the unit was stopped meanwhile, or failed for another reason', async () => {
    const flying = Promise.withResolvers<void>()
    const { uow } = record({
      answers: { release: refusal('unknown-name', 1_305) },
      pipelining: false,
      delay: (flight) => {
        if (flight !== 2) return Promise.resolve()
        flying.resolve()
        return new Promise(() => {})
      },
    })
    const controller = new AbortController()
    const unit = uow.run(raw('call'), { signal: controller.signal })
    await flying.promise
    controller.abort()
    expect(await failureOf(unit)).toBeInstanceOf(ImplicitCommitError)
  })

  test('is what a lock timeout comes to behind which the transaction is not the same', async () => {
    const answers = { call: refusal('lock-timeout'), release: refusal('unknown-name', 1_305) }
    const { uow } = record({ answers })
    expect(await failureOf(uow.run((q) => q(raw('call'))))).toMatchObject({
      name: 'ImplicitCommitError',
      cause: { kind: 'lock-timeout' },
    })
  })

  test('is not run again for a deadlock unless asked, if nothing tells that there was none', async () => {
    const answers = { call: refusal('deadlock'), release: refusal('unknown-name', 1_305) }
    const attempts = async (options: RunOptions): Promise<number> => {
      const { uow } = record({ answers })
      return ((await failureOf(uow.run(raw('call'), options))) as { attempts: number }).attempts
    }
    expect(await attempts({})).toBe(1)
    expect(await attempts({ retry: true })).toBe(5)
  })

  test('keeps no later deadlock from being a reason, once it is known that there was none', async () => {
    let deadlocks = 0
    const { uow } = record({ answers: { b: () => (++deadlocks === 1 ? refusal('deadlock') : 1) } })
    await uow.run(raw('call').andThen(() => write('b')))
    expect(deadlocks).toBe(2)
  })

  test('is asked for again where KILL QUERY met the release, and taken for granted where it met the savepoint', async () => {
    let releases = 0
    const release = () => (++releases === 1 ? refusal('killed', 1_317) : {})
    expect(await record({ answers: { release } }).uow.run((q) => q(raw('call')))).toEqual([])
    expect(releases).toBe(2)
    const { uow } = record({ answers: { savepoint: refusal('killed', 1_317) } })
    expect(await failureOf(uow.run((q) => q(raw('call'))))).toMatchObject({
      name: 'ImplicitCommitError',
      cause: { kind: 'killed' },
    })
  })

  test('is not what a transaction is that the server ended between the two', async () => {
    const { uow } = record({ answers: { release: refusal('deadlock') } })
    expect(await failureOf(uow.run((q) => q(raw('call'))))).toMatchObject({ kind: 'deadlock' })
  })

  test('is not looked for behind statements that can not commit', async () => {
    const { uow } = record({ answers: { a: ended } })
    expect(await uow.run(read('a').andThen(() => write('b')))).toBe(1)
  })

  test('does not hide that the statement failed', async () => {
    const { uow } = record({ answers: { x: refusal('syntax') } })
    expect(await failureOf(uow.run(raw('x')))).toMatchObject({ kind: 'syntax' })
  })
})

describe('a nested run', () => {
  const hint = /pass the query to q, yield\* it, or run it after the unit/

  test.each(['run', 'read'] as const)('is refused, and says what to do: %s', async (access) => {
    const { uow, driver } = record()
    const run = uow.run(async (q) => {
      await q(write('a'))
      await (access === 'run' ? uow.run(write('b')) : uow.read(read('b')))
    })
    const error = await failureOf(run)
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(hint)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('is refused in read, too', async () => {
    const { uow } = record()
    expect(await failureOf(uow.read(() => uow.run(write('b'))))).toMatchObject({
      message: expect.stringMatching(hint) as unknown,
    })
  })

  test.each<[string, (nest: () => Promise<unknown>) => Queryable]>([
    [
      'a program',
      (nest) =>
        program(function* () {
          yield* write('a')
          yield* write(String(void nest()))
        }),
    ],
    ['a map', (nest) => write('a').map(() => void nest())],
    ['an andThen', (nest) => write('a').andThen(() => succeed(void nest()))],
  ])('is refused within %s', async (_, makeQuery) => {
    const { uow, driver } = record()
    let nested: Promise<unknown> | undefined
    await uow.run(makeQuery(() => (nested = failureOf(uow.run(write('b'))))))
    expect(await nested).toBeInstanceOf(UsageError)
    expect(driver.sent).not.toContain('b')
  })

  test('is refused across what a body calls and waits for', async () => {
    const { uow } = record()
    const service = async () => {
      await turn()
      return uow.run(write('b'))
    }
    expect(await failureOf(uow.run(async () => service()))).toBeInstanceOf(UsageError)
  })

  test('is allowed in another unit of work', async () => {
    const { uow, driver } = record()
    const another = record()
    await uow.run(async (q) => {
      await q(write('a'))
      await another.uow.run(write('b'))
    })
    expect(driver.sent).toEqual(['a', 'commit'])
    expect(another.driver.sent).toEqual(['b', 'commit'])
  })

  test('is none after the end of the unit, nor beside it', async () => {
    const { uow, driver } = record()
    const gate = Promise.withResolvers<void>()
    let later: Promise<unknown> | undefined
    await uow.run((q) => {
      later = gate.promise.then(() => uow.run(write('b')))
      return q(write('a'))
    })
    gate.resolve()
    await later
    expect(driver.sent).toEqual(['a', 'commit', 'b', 'commit'])
  })
})

describe('options', () => {
  test.each(['run', 'read', 'explain', 'sandbox'] as const)(
    'that there are none of are refused by %s',
    async (name) => {
      const { uow, driver } = record()
      const method = uow[name] as (work: unknown, options: object) => Promise<unknown>
      const work = name === 'sandbox' ? () => Promise.resolve() : read('a')
      expect(await failureOf(method(work, { timeOut: 1 }))).toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(
          /^(run|read|explain|sandbox): unknown option timeOut; .*timeout/u,
        ) as unknown,
      })
      expect(driver.journal).toEqual([])
    },
  )

  test.each([
    ['retry', { retry: { atempts: 2 } }],
    ['retry', { retry: 3 }],
  ])('what %s can not be is refused', async (name, options) => {
    const { uow, driver } = record()
    expect(await failureOf(uow.run(read('a'), options as object))).toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(new RegExp(`^${name}: `, 'u')) as unknown,
    })
    expect(driver.journal).toEqual([])
  })

  test('those of run are none of read, and those of read none of stream', async () => {
    const { uow, driver } = record()
    const rows = read('a') as RowsQueryable<'read'>
    const refused = [
      uow.read(read('a'), { outcomeKey: 'a' } as object),
      uow.explain(read('a'), { commitTimeout: 1 } as object),
      (async () => uow.stream(rows, { retry: true } as object).batches())(),
    ]
    for (const each of refused) expect(await failureOf(each)).toMatchObject({ name: 'UsageError' })
    expect(driver.journal).toEqual([])
  })

  test('an outcomeKey is refused in a unit that can not write it', async () => {
    const { uow, driver } = record()
    const options = { outcomeKey: 'a', accessMode: 'read only' } as const
    expect(await failureOf(uow.run(read('a'), options))).toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/^outcomeKey: .*read only/u) as unknown,
    })
    expect(driver.journal).toEqual([])
  })

  test('go into a BEGIN before the first statement, once', async () => {
    const { uow, driver } = record()
    const options = { isolationLevel: 'serializable', accessMode: 'read write', snapshot: true } as const
    await uow.run(
      write('a').andThen(() => write('b')),
      options,
    )
    expect(driver.journal).toEqual(['acquire', ['begin', 'a'], ['b'], ['commit'], 'release'])
    expect(driver.flights[0]?.[0]).toEqual({ type: 'begin', options })
  })

  test('read is read only', async () => {
    const { uow, driver } = record()
    await uow.read(read('a'), { snapshot: true })
    expect(driver.journal).toEqual(['acquire', ['begin', 'a', 'commit'], 'release'])
    expect(driver.flights[0]?.[0]).toEqual({
      type: 'begin',
      options: { snapshot: true, accessMode: 'read only' },
    })
  })

  test('read is read only, and refuses to be told otherwise', async () => {
    const { uow, driver } = record()
    await uow.read(all([read('a'), read('b')]))
    expect(driver.flights[0]?.[0]).toEqual({ type: 'begin', options: { accessMode: 'read only' } })
    const failure = await failureOf(uow.read(read('a'), { accessMode: 'read write' } as object))
    expect((failure as Error).message).toMatch(/^read: unknown option accessMode/)
  })

  test.each([
    ['a locking read', many(db.selectFrom('accounts').selectAll().forUpdate()).named('a')],
    ['a write', write('a')],
    ['raw SQL that is no plain read', raw('a')],
  ])('read refuses %s before anything of its flight is sent', async (what, query) => {
    const { uow, driver } = record()
    const reading = all([read('b'), query]) as Query<unknown> as Query<unknown, 'read'>
    const error = await failureOf(uow.read(reading))
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toBe(
      `a is ${what}, and the unit only reads: run it with run, without accessMode 'read only'`,
    )
    expect(driver.journal).toEqual([])
    expect(await failureOf(uow.read(attempt(reading)))).toBeInstanceOf(UsageError)
    expect(driver.sent).toEqual([])
  })

  test('a read by itself is its own transaction', async () => {
    const { uow, driver } = record()
    await uow.read(read('a').map(String))
    expect(driver.flights).toMatchObject([[{ type: 'read', label: 'a' }]])
    expect(driver.journal).toEqual(['acquire', ['a'], 'release'])
  })

  test.each<[string, Script]>([
    ['one that is refused', { answers: { a: refusal() } }],
    ['one whose connection takes one command at a time', { pipelining: false }],
  ])('a read by itself, %s: there is nothing to end', async (_, script) => {
    const { uow, driver } = record(script)
    await uow.read(read('a')).catch(() => {})
    expect(driver.journal).toEqual(['acquire', ['a'], 'release'])
  })

  test.each<[string, (uow: UnitOfWork) => Promise<unknown>]>([
    ['with another', (uow) => uow.read(all([read('a'), read('b')]))],
    ['with a step behind it', (uow) => uow.read(read('a').andThen(() => read('b')))],
    ['in a body', (uow) => uow.read((q) => q(read('a')))],
    ['with an option', (uow) => uow.read(read('a'), { isolationLevel: 'read committed' })],
    ['in an attempt', (uow) => uow.read(attempt(read('a')))],
  ])('a read %s is in a transaction that begins', async (_, reading) => {
    const { uow, driver } = record()
    await reading(uow)
    expect(driver.sent[0]).toBe('begin')
  })

  test('nobody waits for the end of a unit that reads', async () => {
    const { uow, driver } = record({ answers: { b: refusal() } })
    await uow.read((q) => q(read('a')))
    await failureOf(uow.read(read('a').andThen(() => read('b'))))
    expect(driver.journal).toEqual(
      [
        ['acquire', ['begin', 'a'], 'release'],
        ['acquire', ['begin', 'a'], ['b', 'commit'], 'release'],
      ].flat(),
    )
  })

  test('where one command travels at a time, it is waited for', async () => {
    const { uow, driver } = record({ pipelining: false })
    await uow.read((q) => q(read('a')))
    expect(driver.journal).toEqual(['acquire', ['begin'], ['a'], ['commit'], 'release'])
  })

  test('read sends raw SQL that is a plain read', async () => {
    const { uow, driver } = record({ answers: { a: [{ Database: 'bank' }] } })
    const databases = many(sql<{ Database: string }>`show databases`.compile(db)).named('a')
    const reading = databases as Query<{ Database: string }[]> as Query<{ Database: string }[], 'read'>
    expect(await uow.read(reading)).toEqual([{ Database: 'bank' }])
    expect(driver.journal).toEqual(['acquire', ['begin', 'a'], 'release'])
  })

  test('without any there is no BEGIN; a label is none of the transaction', async () => {
    const { uow, driver } = record()
    await uow.run(write('a'), { label: 'mine' })
    expect(driver.journal).toEqual(['acquire', ['a', 'commit'], 'release'])
  })

  test('that the server refuses fail the unit, whose connection is discarded', async () => {
    const { uow, driver } = record({ answers: { begin: refusal('access') } })
    expect(await failureOf(uow.run((q) => q(write('a')), { accessMode: 'read write' }))).toMatchObject({
      kind: 'access',
    })
    expect(driver.journal).toEqual(['acquire', ['begin', 'a'], 'discard'])
  })
})

describe('the label of a unit', () => {
  const { list } = defineRepository('accounts', { list: () => read('inner') })
  const body = (q: Executor) => q(write('a'))

  test.each<[string, Queryable | Body<unknown>, RunOptions, string | undefined]>([
    ['the one given', body, { label: 'given' }, 'given'],
    ['else the name of the query', list(), {}, 'accounts.list'],
    ['else the name of the body', body, {}, 'body'],
    ['else the name of the query, mapped', list().map(String).andThen(succeed), {}, 'accounts.list'],
    ['else none: for a query without a name', all([list()]), {}, undefined],
    ['else none: for a builder', db.selectFrom('accounts').selectAll(), {}, undefined],
    [
      'else none: for an anonymous body',
      (
        () => (q: Executor) =>
          q(write('a'))
      )(),
      {},
      undefined,
    ],
  ])('is %s', async (_, work, options, label) => {
    const labels: (string | undefined)[] = []
    const start = channel('tracing:leasehold:unit:start')
    const hear = (event: unknown) => labels.push((event as UnitEvent).unit.label)
    start.subscribe(hear)
    await record().uow.run(work as Queryable, options)
    start.unsubscribe(hear)
    expect(labels).toEqual([label])
  })
})

describe('createUnitOfWork', () => {
  test('gives a frozen object', () => {
    expect(Object.isFrozen(createUnitOfWork({ driver: new RecordingDriver() }))).toBe(true)
  })

  test('refuses a driver that another copy of core was given to', () => {
    const driver = Object.assign(new RecordingDriver(), { '~core': Error })
    expect(() => createUnitOfWork({ driver })).toThrow(/another copy of @leasehold\/core.*npm ls/u)
  })

  test('refuses an option that there is none of', () => {
    const driver = new RecordingDriver()
    expect(() => createUnitOfWork({ driver, leakafter: 1 } as UnitOfWorkOptions)).toThrow(
      /unknown option leakafter; known options: driver, defaults, leakAfter/u,
    )
  })

  test('close closes the driver', async () => {
    const { uow, driver } = record()
    await uow.close()
    expect(driver.journal).toEqual(['close'])
  })
})
