/** Answers to COMMIT, wherever it travels: what is told is what they say. */
import {
  affected,
  afterCommit,
  afterRollback,
  all,
  CommitUnknownError,
  type Executor,
  type Query,
  StatementError,
  type StatementErrorKind,
} from '@leasehold/core'
import { type RecordingDriver, refusal, type Script } from '@leasehold/core/testing'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

const withHooks = (work: Query<unknown>, called: string[]) =>
  all([work, afterCommit(() => called.push('commit')), afterRollback(() => called.push('rollback'))])

const twoWrites = all([write('a'), write('b')])

const ways: [string, Query<unknown>, Script][] = [
  ['along with a lone write', write('a'), {}],
  ['by itself', twoWrites, {}],
  ['where commands travel singly, behind a lone write', write('a'), { pipelining: false }],
  ['where commands travel singly', twoWrites, { pipelining: false }],
]

const ROLLED_BACK: StatementErrorKind[] = [
  'conflict',
  'deadlock',
  'killed',
  'lock-timeout',
  'not-ready',
  'read-only',
  'statement-timeout',
]

test('an unknown outcome of another unit, let out by a body, is the body’s own error', async () => {
  const { uow, driver } = record({})
  const called: string[] = []
  const foreign = new CommitUnknownError('that of another unit')
  const body = async (q: Executor): Promise<never> => {
    await q(withHooks(write('a'), called))
    throw foreign
  }
  expect(await failureOf(uow.run(body))).toBe(foreign)
  expect(called).toEqual(['rollback'])
  expect(driver.commits).toBe(0)
})

describe.each(ways)('%s', (_, work, script) => {
  async function told(kind: StatementErrorKind): Promise<{
    error: unknown
    called: string[]
    driver: RecordingDriver
  }> {
    const { uow, driver } = record({ ...script, answers: { commit: refusal(kind) } })
    const called: string[] = []
    const error = await failureOf(uow.run(withHooks(work, called), { retry: false }))
    return { error, called, driver }
  }

  test.each(ROLLED_BACK)('refused as %s: rolled back, and COMMIT is not sent again', async (kind) => {
    const { error, called, driver } = await told(kind)
    expect(error).toBeInstanceOf(StatementError)
    expect(error).toMatchObject({ kind, sql: 'COMMIT' })
    expect(called).toEqual(['rollback'])
    expect(driver.commits).toBe(1)
    expect(driver.rollbacks).toBe(1)
  })

  test('answered with any other error: unknown, and nothing more is sent', async () => {
    const { error, called, driver } = await told('other')
    expect(error).toMatchObject({ name: 'CommitUnknownError', cause: { kind: 'other', sql: 'COMMIT' } })
    expect(called).toEqual([])
    expect(driver.commits).toBe(1)
    expect(driver.sent).not.toContain('rollback')
    expect(driver.journal.at(-1)).toBe('discard')
  })
})

test('an unknown outcome is not run again', async () => {
  const { uow, driver } = record({ answers: { commit: refusal('other') } })
  expect(await failureOf(uow.run(write('a')))).toMatchObject({ name: 'CommitUnknownError', attempts: 1 })
  expect(driver.commits).toBe(1)
})

test('what the server rolled back in COMMIT is run again', async () => {
  let commits = 0
  const commit = () => (++commits === 1 ? refusal('deadlock', 1_213) : {})
  for (const work of [write('a'), twoWrites]) {
    commits = 0
    const { uow } = record({ answers: { commit } })
    expect(await uow.run(work)).toBeDefined()
    expect(commits).toBe(2)
  }
})

test('a refused COMMIT of what only read is the error that it is', async () => {
  const { uow } = record({ answers: { commit: refusal('other') } })
  expect(await failureOf(uow.run(read('a')))).toMatchObject({ name: 'StatementError', kind: 'other' })
})

test('a lone write that failed is told with its own error, whatever COMMIT came to', async () => {
  const { uow } = record({ answers: { a: refusal('duplicate-key'), commit: refusal('other') } })
  expect(await failureOf(uow.run(write('a')))).toMatchObject({ kind: 'duplicate-key' })
})

describe('a deadline while COMMIT is on its way', () => {
  /** A unit whose flight with COMMIT waits for a gate. */
  function started(work: Query<unknown>, last: number, answers: Script['answers'] = {}) {
    const gate = Promise.withResolvers<void>()
    const flying = Promise.withResolvers<void>()
    const delay = (flight: number): Promise<unknown> => {
      if (flight < last) return Promise.resolve()
      flying.resolve()
      return flight === last ? gate.promise : Promise.resolve()
    }
    const { uow, driver } = record({ delay, answers })
    const controller = new AbortController()
    const called: string[] = []
    const run = uow.run(withHooks(work, called), { signal: controller.signal, retry: false })
    return {
      run,
      driver,
      called,
      flying: flying.promise,
      land: gate.resolve,
      abort: () => controller.abort(),
    }
  }

  test('does not reach past it: its answer tells', async () => {
    const unit = started(twoWrites, 2)
    await unit.flying
    unit.abort()
    unit.land()
    await unit.run
    expect(unit.called).toEqual(['commit'])
    expect(unit.driver.journal.at(-1)).toBe('release')
  })

  test('along with a write: the write is stopped, and its refusal is told as the deadline', async () => {
    const unit = started(write('a'), 1)
    await unit.flying
    unit.abort()
    expect(await failureOf(unit.run)).toMatchObject({ name: 'DeadlineError', reason: 'aborted' })
    expect(unit.called).toEqual(['rollback'])
    expect(unit.driver.journal.at(-1)).toBe('release')
  })

  test('a refusal to commit because of it is told as the deadline', async () => {
    const unit = started(twoWrites, 2, { commit: refusal('killed') })
    await unit.flying
    unit.abort()
    unit.land()
    expect(await failureOf(unit.run)).toMatchObject({ name: 'DeadlineError' })
    expect(unit.called).toEqual(['rollback'])
  })

  test('an answer that does not come within commitTimeout: unknown, and told that the wait was cut', async () => {
    const { uow, driver } = record({
      delay: (flight) => (flight === 2 ? new Promise(() => {}) : Promise.resolve()),
    })
    const error = await failureOf(uow.run(twoWrites, { commitTimeout: 20 }))
    expect(error).toMatchObject({
      name: 'CommitUnknownError',
      message: expect.stringContaining('did not come within 20 ms') as unknown,
    })
    expect(driver.journal.at(-1)).toBe('discard')
  })

  test.each([-1, Number.NaN, Infinity, 2 ** 31])('commitTimeout: %s is refused', async (commitTimeout) => {
    const { uow, driver } = record()
    const work = affected(db.deleteFrom('accounts'))
    expect(await failureOf(uow.run(work, { commitTimeout }))).toMatchObject({ name: 'UsageError' })
    expect(driver.journal).toEqual([])
  })
})

describe('a stream that was left', () => {
  const leaving = (next?: Query<unknown>) => async (q: Executor) => {
    await q(write('a'))
    for await (const _ of q.stream(read('rows'))) break
    if (next !== undefined) await q(next)
  }
  /** The savepoint behind it, as a server has it that lost the transaction meanwhile. */
  const rows = [{ id: 1, ownerName: 'Ann', cents: 1 }]
  const gone = refusal('unknown-name', 1305)
  const lost: Script = { answers: { rows, release: gone } }

  test.each([
    ['by itself', undefined, [['release'], ['rollback']]],
    ['with what comes next', write('b'), [['release', 'b'], ['rollback']]],
  ])('is confirmed %s: a transaction that was lost fails the unit', async (_, next, last) => {
    const { uow, driver } = record(lost)
    const error = await failureOf(uow.run(leaving(next)))
    expect(error).toMatchObject({ name: 'ImplicitCommitError', label: 'rows' })
    expect(driver.commits).toBe(0)
    expect(
      driver.flights
        .slice(-2)
        .map((flight) => flight.map((command) => ('label' in command ? command.label : command.type))),
    ).toEqual(last)
  })

  test('is confirmed before its unit in a sandbox ends', async () => {
    const { uow } = record({ answers: { rows, release: gone, 'rollback to': gone } })
    const told: unknown[] = []
    await failureOf(
      uow.sandbox(async (_, sandboxed) => {
        told.push(await failureOf(sandboxed.run(leaving())))
      }),
    )
    expect(told).toMatchObject([{ name: 'ImplicitCommitError' }])
  })

  test('costs a round trip before COMMIT, none with another statement, and none in what only reads', async () => {
    const { uow, driver } = record({ answers: { rows } })
    await uow.run(leaving())
    expect(driver.flights).toHaveLength(4)
    await uow.run(leaving(write('b')))
    expect(driver.flights).toHaveLength(8)
    await uow.read(async (q) => {
      for await (const _ of q.stream(read('rows'))) break
    })
    expect(driver.flights).toHaveLength(9)
  })

  test('whose release a KILL QUERY met keeps nothing of what is sent behind it from being told', async () => {
    let killed = 0
    const killOnce = () => (killed++ === 0 ? refusal('killed', 1317) : undefined)
    for (const pipelining of [true, false]) {
      killed = 0
      const { uow, driver } = record({ answers: { rows, release: killOnce }, carriesOn: false, pipelining })
      expect(await failureOf(uow.run(leaving(write('b'))))).toMatchObject({ kind: 'killed', sql: 'RELEASE' })
      expect(driver.commits).toBe(0)
      const unheard = uow.run(async (q) => {
        await leaving()(q)
        void q(write('b'))
        return 'told'
      })
      killed = 0
      expect(await failureOf(unheard)).toMatchObject({ kind: 'killed' })
    }
  })

  test('before its first row is none', async () => {
    const { uow } = record({ answers: { rows } })
    const unit = uow.run(async (q) => {
      await q.stream(read('rows')).batches().return()
      return q(write('b'))
    })
    expect(await unit).toBe(1)
  })

  test('is nobody’s any more once its unit in a sandbox was rolled back', async () => {
    const { uow } = record({ answers: { rows } })
    const sandboxed = uow.sandbox(async (_, inner) => {
      const failing = inner.run(async (q) => {
        await leaving()(q)
        throw new Error('mine')
      })
      await failureOf(failing)
      return inner.run(write('b'))
    })
    expect(await sandboxed).toBe(1)
  })
})

test('a statement that was not sent, for the savepoint ahead of it was killed, fails', async () => {
  const { uow, driver } = record({ answers: { savepoint: refusal('killed', 1317) }, pipelining: false })
  expect(await failureOf(uow.run(all([write('a'), raw('b')])))).toMatchObject({
    kind: 'killed',
    sql: 'SAVEPOINT',
  })
  expect(driver.commits).toBe(0)
})
