import { setImmediate as turn } from 'node:timers/promises'
import { all, type Executor, fail, program, StatementError, UsageError } from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { refusal } from '@leasehold/core/testing'
import { failureOf, read, record, write } from '../support/unit.ts'

describe('q', () => {
  test('runs queries one after the other', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 1 }] } })
    const run = uow.run(async (q) => {
      const [row] = await q(read('a'))
      const b = await q(write('b'))
      return [row?.id, b, await q(write('c'))]
    })
    expect(await run).toEqual([1, 1, 1])
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['c'], ['commit'], 'release'])
  })

  test('q.all is q(all(…))', async () => {
    const { uow, driver } = record()
    const run = uow.run(async (q) => [await q.all([write('a'), write('b')]), await q.all({ c: write('c') })])
    expect(await run).toEqual([[1, 1], { c: 1 }])
    expect(driver.journal).toEqual(['acquire', ['a', 'b'], ['c'], ['commit'], 'release'])
  })

  test('takes what Promise.all asks for together in one flight', async () => {
    const { uow, driver } = record()
    const run = uow.run((q) => Promise.all([q(write('a')), q(all([write('b'), write('c')])), q(write('d'))]))
    expect(await run).toEqual([1, [1, 1], 1])
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'c', 'd'], ['commit'], 'release'])
  })

  test('takes what several tasks ask for in the same turn in one flight', async () => {
    const { uow, driver } = record()
    const task = (q: Executor, ticks: number) => async (name: string) => {
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
      await q(write(`${name}1`))
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
      await q(write(`${name}2`))
    }
    await uow.run((q) => Promise.all([task(q, 0)('a'), task(q, 3)('b'), task(q, 10)('c')]))
    expect(driver.journal).toEqual(['acquire', ['a1', 'b1', 'c1'], ['a2', 'b2', 'c2'], ['commit'], 'release'])
  })

  test('has what comes while a flight is on its way travel in the next', async () => {
    const gate = Promise.withResolvers<void>()
    const { uow, driver } = record({ delay: (flight) => (flight === 1 ? gate.promise : turn()) })
    await uow.run(async (q) => {
      const first = q(write('a'))
      await turn()
      const late = [q(write('b')), q(write('c'))]
      await turn()
      expect(driver.journal).toEqual(['acquire', ['a']])
      gate.resolve()
      await Promise.all([first, ...late])
    })
    expect(driver.journal).toEqual(['acquire', ['a'], ['b', 'c'], ['commit'], 'release'])
  })

  test('answers at whatever moment it is asked', async () => {
    for (let ticks = 0; ticks < 12; ticks += 1) {
      for (let tasks = 1; tasks <= 4; tasks += 1) {
        const { uow, driver } = record()
        const task = async (q: Executor, name: number) => {
          await q(write(`${name}`))
          for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
          await q(write(`${name}`))
        }
        await uow.run((q) => Promise.all(Array.from({ length: tasks }, (_, name) => task(q, name))))
        expect(driver.sent).toHaveLength(2 * tasks + 1)
      }
    }
  })

  test('gives each task its own results', async () => {
    const { uow } = record({ answers: { a: ({ before }) => before } })
    const task = async (q: Executor) => [await q(write('a')), await q(write('a'))]
    expect(await uow.run((q) => Promise.all([task(q), task(q), task(q)]))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ])
  })
})

describe('after the first failure', () => {
  test('nothing more is sent, of no task', async () => {
    const { uow, driver } = record({ answers: { bad: refusal() } })
    const errors: unknown[] = []
    const task = async (q: Executor, ...names: string[]) => {
      for (const name of names) await q(write(name))
    }
    const run = uow.run(async (q) => {
      const tasks = [task(q, 'a1', 'a2', 'a3'), task(q, 'b1', 'bad', 'b3'), task(q, 'c1', 'c2', 'c3')]
      errors.push(...(await Promise.all(tasks.map(failureOf))))
    })
    const first = await failureOf(run)
    expect(first).toMatchObject({ name: 'StatementError', label: 'bad' })
    expect(driver.journal).toEqual([
      'acquire',
      ['a1', 'b1', 'c1'],
      ['a2', 'bad', 'c2'],
      ['rollback'],
      'release',
    ])
    expect(errors[1]).toBe(first)
    // What was answered before the failure came out; the next call is told why it is refused.
    expect(errors[0]).toBeInstanceOf(UsageError)
    expect(errors[0]).toMatchObject({ cause: first })
    expect(errors[2]).toBe(first)
  })

  test('further calls reject and name the cause', async () => {
    const { uow, driver } = record()
    const mine = new Error('mine')
    let refused: unknown
    await uow
      .run(async function transfer(q) {
        await q(fail(mine)).catch(() => {})
        refused = await failureOf(q(write('a')))
      })
      .catch(() => {})
    expect(refused).toBeInstanceOf(UsageError)
    expect(refused).toMatchObject({
      cause: mine,
      message: expect.stringMatching(/\(transfer\).* rolled back/) as unknown,
    })
    expect(driver.journal).toEqual([])
  })

  test('what is waiting in another task is told', async () => {
    const gate = Promise.withResolvers<void>()
    const { uow, driver } = record({ delay: () => gate.promise })
    const mine = new Error('mine')
    const run = uow.run(async (q) => {
      const underWay = failureOf(q(write('a')))
      await turn()
      const waiting = failureOf(q(write('b')))
      await failureOf(q(fail(mine)))
      gate.resolve()
      return [await underWay, await waiting]
    })
    expect(await failureOf(run)).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('ROLLBACK waits for the flight that is on its way, and nothing comes between', async () => {
    const gate = Promise.withResolvers<void>()
    const { uow, driver } = record({ delay: (flight) => (flight === 1 ? gate.promise : turn()) })
    const run = failureOf(
      uow.run(async (q) => {
        void q(write('a').andThen(() => write('never sent')))
        await turn()
        throw new Error('mine')
      }),
    )
    await turn()
    await turn()
    expect(driver.journal).toEqual(['acquire', ['a']])
    gate.resolve()
    expect(await run).toEqual(new Error('mine'))
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })
})

describe('a query that the body does not wait for', () => {
  test('is answered before COMMIT, with all that follows from it', async () => {
    const { uow, driver } = record()
    const seen: string[] = []
    const run = uow.run((q) => {
      void q(
        write('a')
          .andThen(() => write('b'))
          .map(() => seen.push('done')),
      )
      return Promise.resolve('value')
    })
    expect(await run).toBe('value')
    expect(seen).toEqual(['done'])
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['commit'], 'release'])
  })

  test('fails the unit when it fails, and is no unhandled rejection', async () => {
    const { uow, driver } = record({ answers: { bad: refusal() } })
    const run = uow.run((q) => {
      void q(write('bad'))
      void q.all([write('b')])
      return Promise.resolve('value')
    })
    expect(await failureOf(run)).toBeInstanceOf(StatementError)
    expect(driver.journal).toEqual(['acquire', ['bad', 'b'], ['rollback'], 'release'])
  })

  test('is no unhandled rejection when another fails first', async () => {
    const { uow } = record({ answers: { bad: refusal() } })
    const run = uow.run(async (q) => {
      const early = q(write('a').andThen(() => write('b')))
      await q(write('bad'))
      return early
    })
    expect(await failureOf(run)).toMatchObject({ label: 'bad' })
  })

  test('is no unhandled rejection when it is asked for after the failure', async () => {
    const { uow } = record()
    const run = uow.run(async (q) => {
      await q(fail(new Error('mine'))).catch(() => {})
      void q(write('a'))
      await turn()
    })
    expect(await failureOf(run)).toEqual(new Error('mine'))
  })
})

describe('after the end of the body', () => {
  test('q is refused, and says so', async () => {
    const { uow, driver } = record()
    let escaped: Executor | undefined
    await uow.run(async function leaking(q) {
      escaped = q
      await q(write('a'))
    })
    const sent = [...driver.sent]
    for (const late of [escaped?.(write('late')), escaped?.all([write('late')])]) {
      const error = await failureOf(late ?? Promise.resolve())
      expect(error).toBeInstanceOf(UsageError)
      expect((error as Error).message).toMatch(/\(leaking\).*ended: await every query/)
    }
    expect(driver.sent).toEqual(sent)
  })

  test('a task that still uses q does not hide the first failure', async () => {
    const { uow } = record({ answers: { bad: refusal() } })
    let late: Promise<unknown> | undefined
    const run = uow.run((q) => {
      late = failureOf(q(write('bad')).catch(() => q(write('late'))))
      return Promise.resolve('value')
    })
    expect(await failureOf(run)).toMatchObject({ label: 'bad' })
    expect(await late).toBeInstanceOf(UsageError)
  })

  test('a task that still uses q dooms the unit, while that is possible', async () => {
    const { uow, driver } = record()
    let late: Promise<unknown> | undefined
    const run = uow.run((q) => {
      late = failureOf(q(write('a')).then(() => q(write('b'))))
      return Promise.resolve('value')
    })
    const error = await failureOf(run)
    expect(error).toBeInstanceOf(UsageError)
    expect(await late).toBe(error)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })
})

describe('a body that returns what it did not run', () => {
  test.each([
    ['a query', write('a')],
    ['a program', program(() => write('a')[Symbol.iterator]() as never)],
    ['a builder', db.deleteFrom('accounts')],
  ])('is refused: %s', async (_, query) => {
    const { uow, driver } = record()
    const run = uow.run(async function forgetful(q) {
      await q(write('first'))
      return query
    })
    const error = await failureOf(run)
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(
      /\(forgetful\) returned a query without running it: return q\(query\)/,
    )
    expect(driver.journal).toEqual(['acquire', ['first'], ['rollback'], 'release'])
  })
})

test('what is no query dooms the unit, even if the body catches the error', async () => {
  const { driver, uow } = record()
  const unit = uow.run(async (q) => {
    await q(write('before'))
    await q('select 1' as never).catch(() => 'never mind')
  })
  await expect(unit).rejects.toBeInstanceOf(UsageError)
  expect(driver.journal.flat()).not.toContain('commit')
  expect(driver.journal.flat()).toContain('rollback')
})

test('a generator function is no body', async () => {
  const body = function* (): Generator {
    yield read('a')
  }
  const { uow, driver } = record()
  expect(await failureOf(uow.run(body as never))).toMatchObject({
    name: 'UsageError',
    message: expect.stringMatching(/is a generator function.*program\(function\*/u) as unknown,
  })
  expect(driver.commits).toBe(0)
})
