import {
  afterCommit,
  afterRollback,
  all,
  attempt,
  createUnitOfWork,
  fail,
  program,
  type Query,
} from '@leasehold/core'
import { describe, expect, test, vi } from 'vitest'
import { RecordingDriver, refusal } from '@leasehold/core/testing'
import { failureOf, read, record, write } from '../support/unit.ts'

/** A query that registers hooks of both kinds, which write what they see of the driver's journal. */
function registering(driver: RecordingDriver, events: string[]) {
  const note = (name: string) => () => events.push(`${name} after ${String(driver.journal.at(-1))}`)
  return program(function* () {
    yield* afterCommit(note('committed 1'))
    yield* write('a')
    yield* all([afterCommit(note('committed 2')), afterRollback(note('rolled back 1')), write('b')])
    yield* afterRollback(note('rolled back 2'))
    yield* afterCommit(note('committed 3'))
    return 'value'
  })
}

describe('afterCommit', () => {
  test('hooks are called in order, when the connection was given back', async () => {
    const { driver, uow } = record()
    const events: string[] = []
    expect(await uow.run(registering(driver, events))).toBe('value')
    expect(events).toEqual([
      'committed 1 after release',
      'committed 2 after release',
      'committed 3 after release',
    ])
  })

  test('hooks are waited for, one after the other', async () => {
    const { uow } = record()
    const events: string[] = []
    const slow = (name: string) => async () => {
      events.push(`${name} started`)
      await new Promise(setImmediate)
      events.push(`${name} ended`)
    }
    await uow.run(all([afterCommit(slow('a')), afterCommit(slow('b')), write('w')]))
    expect(events).toEqual(['a started', 'a ended', 'b started', 'b ended'])
  })

  test('hooks of a unit without statements are called, too', async () => {
    const { uow, driver } = record()
    const hook = vi.fn()
    expect(await uow.run(afterCommit(hook))).toBeUndefined()
    expect(hook).toHaveBeenCalledOnce()
    expect(driver.journal).toEqual([])
  })

  test('hooks are called in each run of the same value', async () => {
    const { uow } = record()
    const hook = vi.fn()
    const query = afterCommit(hook)
    await uow.run(query)
    await uow.run(query)
    expect(hook).toHaveBeenCalledTimes(2)
  })

  test('hooks may run units of their own', async () => {
    const { driver, uow } = record()
    await uow.run(all([write('a'), afterCommit(() => uow.run(write('b')))]))
    expect(driver.sent).toEqual(['a', 'commit', 'b', 'commit'])
  })

  test('hooks registered in a body are called as well', async () => {
    const { uow } = record()
    const hook = vi.fn()
    await uow.run((q) => q(afterCommit(hook)))
    expect(hook).toHaveBeenCalledOnce()
  })
})

describe('afterRollback', () => {
  test.each<
    [
      string,
      (uow: ReturnType<typeof record>['uow'], query: ReturnType<typeof registering>) => Promise<unknown>,
    ]
  >([
    ['a failing query', (uow, query) => uow.run(query.andThen(() => fail(new Error('mine'))))],
    [
      'a body that throws',
      (uow, query) =>
        uow.run(async (q) => {
          await q(query)
          throw new Error('mine')
        }),
    ],
  ])('hooks are called in order after %s; those of afterCommit are dropped', async (_, run) => {
    const { driver, uow } = record()
    const events: string[] = []
    expect(await failureOf(run(uow, registering(driver, events)))).toMatchObject({ message: 'mine' })
    expect(events).toEqual(['rolled back 1 after release', 'rolled back 2 after release'])
  })

  test('hooks are called when the server refuses COMMIT', async () => {
    const { driver, uow } = record({ answers: { commit: refusal('conflict') } })
    const events: string[] = []
    expect(await failureOf(uow.run(registering(driver, events)))).toMatchObject({ kind: 'conflict' })
    expect(events).toEqual(['rolled back 1 after release', 'rolled back 2 after release'])
  })
})

describe('a hook of afterRollback that was made in an attempt', () => {
  const attempted = (called: string[], rest: Query<unknown>) =>
    attempt(all([write('a'), afterRollback(() => called.push('rollback')), rest]))

  test.each([
    [
      'that is under way when the unit is stopped',
      read('slow'),
      { delay: () => new Promise<void>(() => {}) },
      { timeout: 20 },
    ],
    ['that ends the transaction', read('b'), { answers: { b: refusal('deadlock') } }, { retry: false }],
  ] as const)('%s is called', async (_, rest, script, options) => {
    const called: string[] = []
    await failureOf(record(script).uow.run(attempted(called, rest), options))
    expect(called).toEqual(['rollback'])
  })

  test('that failed is called if the unit fails, too, and not if it is committed', async () => {
    const called: string[] = []
    const { uow } = record({ answers: { b: refusal('duplicate-key') } })
    const failed = attempted(called, write('b'))
    await failureOf(uow.run(failed.andThen(() => fail(new Error('mine')))))
    expect(called).toEqual(['rollback'])
    await uow.run(failed)
    expect(called).toEqual(['rollback'])
  })
})

describe('a UsageError in an attempt', () => {
  const wrong = () => write('a').andThen(() => 5 as never)

  test('fails the unit, wherever it arises', async () => {
    expect(await failureOf(record().uow.run(attempt(wrong())))).toMatchObject({ name: 'UsageError' })
  })

  test.each([
    ['by itself', wrong],
    ['in another attempt', () => attempt(wrong())],
  ])('fails it also if a program puts another error in its place: %s', async (_, make) => {
    const translated = program(function* () {
      try {
        yield* make()
      } catch {
        throw new Error('mine')
      }
    })
    const { uow, driver } = record()
    expect(await failureOf(uow.run(attempt(translated)))).toMatchObject({ message: 'mine' })
    expect(driver.commits).toBe(0)
  })
})

test('no hook is called by explain, nor where it fails', async () => {
  const called: string[] = []
  const { uow } = record({ answers: { a: refusal('duplicate-key') } })
  const hooked = all([
    afterCommit(() => called.push('commit')),
    afterRollback(() => called.push('rollback')),
    write('a'),
  ])
  expect(await failureOf(uow.explain(hooked))).toMatchObject({ kind: 'duplicate-key' })
  expect(called).toEqual([])
})

test('no hook is called when the outcome of COMMIT is unknown', async () => {
  const { driver, uow } = record({ lost: { flight: 3, sent: true } })
  const events: string[] = []
  expect(await failureOf(uow.run(registering(driver, events)))).toMatchObject({ name: 'CommitUnknownError' })
  expect(driver.journal.at(-1)).toBe('discard')
  expect(events).toEqual([])
})

describe('a hook that throws', () => {
  const throwing = (error: unknown) => () => {
    throw error
  }

  test('is reported, and neither fails the unit nor keeps the others from being called', async () => {
    const reported: unknown[] = []
    const last = vi.fn()
    const driver = new RecordingDriver()
    const uow = createUnitOfWork({ driver, onHookError: (error, unit) => reported.push([error, unit.label]) })
    const query = all([
      write('a'),
      afterCommit(throwing('sync')),
      afterCommit(() => Promise.reject(new Error('async'))),
      afterCommit(last),
    ])
    expect(await uow.run(query, { label: 'mine' })).toHaveLength(4)
    expect(reported).toEqual([
      ['sync', 'mine'],
      [new Error('async'), 'mine'],
    ])
    expect(last).toHaveBeenCalledOnce()
  })

  test('does not replace the failure of its unit', async () => {
    const reported: unknown[] = []
    const { uow } = record({}, { onHookError: (error) => reported.push(error) })
    const mine = new Error('mine')
    const hooked = afterRollback(throwing('hook')).andThen(() => fail(mine))
    expect(await failureOf(uow.run(hooked))).toBe(mine)
    expect(reported).toEqual(['hook'])
  })

  test('is a process warning unless onHookError is given', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const error = new Error('hook')
      await record().uow.run(afterCommit(throwing(error)), { label: 'mine' })
      expect(warning).toHaveBeenCalledOnce()
      expect(warning).toHaveBeenCalledWith(expect.stringMatching(/hook of unit \d+ \(mine\) failed/), {
        type: 'LeaseholdHookWarning',
        detail: error.stack,
      })
    } finally {
      warning.mockRestore()
    }
  })

  test('changes nothing about the unit even if onHookError throws as well', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const last = vi.fn()
      const { uow } = record({}, { onHookError: throwing(new Error('reporter')) })
      await uow.run(all([afterCommit(throwing(new Error('hook'))), afterCommit(last)]))
      expect(last).toHaveBeenCalledOnce()
      expect(
        warning.mock.calls.map(([, options]) => (options as unknown as { detail: string }).detail),
      ).toEqual([expect.stringMatching(/^Error: hook/), expect.stringMatching(/^Error: reporter/)])
    } finally {
      warning.mockRestore()
    }
  })
})
