import {
  afterCommit,
  afterRollback,
  all,
  attempt,
  program,
  StatementError,
  UsageError,
} from '@leasehold/core'
import { expect, test } from 'vitest'
import { type Call, refusal } from '@leasehold/core/testing'
import { failureOf, record, write } from '../support/unit.ts'

const quick = { backoff: () => 0 }

/** Refuses the first so many times. */
const refusedFirst =
  (times: number, kind: 'deadlock' | 'conflict' | 'lock-timeout' | 'duplicate-key' = 'deadlock') =>
  ({ before }: Call) =>
    before < times ? refusal(kind) : 1

test.each(['deadlock', 'conflict'] as const)(
  'a %s has a query run again from its beginning',
  async (kind) => {
    const { uow, driver } = record({ answers: { b: refusedFirst(2, kind) } })
    await uow.run(all([write('a'), write('b')]), { retry: quick })
    expect(driver.sent).toEqual(['a', 'b', 'rollback', 'a', 'b', 'rollback', 'a', 'b', 'commit'])
  },
)

test('a body is not run again unless asked', async () => {
  const first = record({ answers: { a: refusedFirst(1) } })
  expect(await failureOf(first.uow.run((q) => q(write('a'))))).toMatchObject({
    kind: 'deadlock',
    attempts: 1,
  })
  const second = record({ answers: { a: refusedFirst(1) } })
  const attempts: number[] = []
  const body = second.uow.run(
    async (q) => {
      attempts.push(q.attempt)
      await q(write('a'))
    },
    { retry: quick },
  )
  await body
  expect(attempts).toEqual([1, 2])
})

test.each(['duplicate-key', 'lock-timeout'] as const)('a %s is no reason', async (kind) => {
  const { uow } = record({ answers: { a: refusedFirst(1, kind) } })
  expect(await failureOf(uow.run(write('a')))).toMatchObject({ kind, attempts: 1 })
})

test('a lock timeout is one when asked', async () => {
  const { uow, driver } = record({ answers: { a: refusedFirst(1, 'lock-timeout') } })
  await uow.run(write('a').map(String), { retry: { ...quick, lockTimeouts: true } })
  expect(driver.sent).toEqual(['a', 'rollback', 'a', 'commit'])
})

test('the last error comes out, with the number of attempts', async () => {
  const { uow } = record({ answers: { a: refusedFirst(100) } })
  const error = await failureOf(uow.run(write('a'), { retry: { ...quick, attempts: 4 } }))
  expect(error).toBeInstanceOf(StatementError)
  expect(error).toMatchObject({ kind: 'deadlock', attempts: 4 })
})

test('a deadlock is one even where the program has put another error in its place', async () => {
  const { uow } = record({ answers: { a: refusedFirst(1) } })
  const translating = program(function* () {
    try {
      yield* write('a')
    } catch {
      throw new Error('something of its own')
    }
    return 'done'
  })
  expect(await uow.run(translating, { retry: quick })).toBe('done')
})

test('a deadlock within an attempt has the whole unit run again', async () => {
  const { uow, driver } = record({ answers: { b: refusedFirst(1) } })
  expect(await uow.run(all([write('a'), attempt(write('b'))]), { retry: quick })).toMatchObject([
    1,
    { ok: true },
  ])
  expect(driver.sent.filter((name) => name === 'rollback')).toHaveLength(1)
})

test('hooks are those of the last attempt', async () => {
  const called: string[] = []
  let attempts = 0
  const hooked = program(function* () {
    attempts += 1
    const number = attempts
    yield* afterCommit(() => called.push(`commit ${number}`))
    yield* afterRollback(() => called.push(`rollback ${number}`))
    yield* write('a')
  })
  const { uow } = record({ answers: { a: refusedFirst(1) } })
  await uow.run(hooked, { retry: quick })
  expect(called).toEqual(['commit 2'])
})

test('units together may run again only so often', async () => {
  const { uow, driver } = record({ answers: { a: refusedFirst(Infinity) } })
  const failing = Array.from({ length: 60 }, () =>
    failureOf(uow.run(write('a'), { retry: { ...quick, attempts: 10 } })),
  )
  await Promise.all(failing)
  // Each of 60 units wants 9 more attempts; the reserve is 100, and each unit adds a half.
  const again = driver.sent.filter((name) => name === 'a').length - 60
  expect(again).toBeGreaterThanOrEqual(100)
  expect(again).toBeLessThanOrEqual(130)
})

test.each([0, 1.5, Number.NaN])(
  'a number of attempts that makes no sense is refused: %j',
  async (attempts) => {
    expect(await failureOf(record().uow.run(write('a'), { retry: { attempts } }))).toBeInstanceOf(UsageError)
  },
)
