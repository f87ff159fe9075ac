import { all, fail, program, type Query, StatementError, succeed, UsageError } from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { refusal } from '@leasehold/core/testing'
import { failureOf, read, record, write } from '../support/unit.ts'

describe('a program', () => {
  test('is ordinary control flow around dependent steps', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 1 }, { id: 2 }] } })
    const query = program(function* () {
      let sum = 0
      for (const { id } of yield* read('a')) {
        if (id === 1) continue
        sum += yield* write(`b${id}`)
      }
      const [c, d] = yield* all([write('c'), write('d')])
      return { sum, c, d }
    })
    expect(await uow.run(query)).toEqual({ sum: 1, c: 1, d: 1 })
    expect(driver.journal).toEqual(['acquire', ['a'], ['b2'], ['c', 'd'], ['commit'], 'release'])
  })

  test('starts afresh each time it is run', async () => {
    const { uow } = record()
    let started = 0
    const query = program(function* () {
      started += 1
      let local = 0
      local += yield* write('a')
      return local
    })
    expect(started).toBe(0)
    expect([await uow.run(query), await uow.run(query)]).toEqual([1, 1])
    expect(await uow.run(all([query, query]))).toEqual([1, 1])
    expect(started).toBe(4)
  })

  test('without a step needs no connection', async () => {
    const { uow, driver } = record()
    const query = program(function* () {
      return yield* succeed('value')
    })
    expect(await uow.run(query)).toBe('value')
    expect(driver.journal).toEqual([])
  })

  test('runs inside programs, to any end of theirs', async () => {
    const { uow, driver } = record()
    const inner = (name: string) =>
      program(function* () {
        yield* write(`${name}1`)
        return yield* write(`${name}2`)
      })
    const outer = program(function* () {
      const first = yield* inner('a')
      const rest = yield* all([inner('b'), inner('c')])
      return [first, ...rest]
    })
    expect(await uow.run(outer)).toEqual([1, 1, 1])
    expect(driver.journal).toEqual([
      'acquire',
      ['a1'],
      ['a2'],
      ['b1', 'c1'],
      ['b2', 'c2'],
      ['commit'],
      'release',
    ])
  })

  test('takes a generator function, and nothing else', () => {
    expect(() => program(read('a') as never)).toThrow(UsageError)
    expect(() => program(undefined as never)).toThrow(/program\(function\* \(\)/)
  })
})

describe('size', () => {
  test('100 000 steps in a row that wait for an answer', async () => {
    const { uow } = record({ delay: () => Promise.resolve() })
    const query = program(function* () {
      let sum = 0
      for (let step = 0; step < 100_000; step += 1) sum += yield* write('a')
      return sum
    })
    expect(await uow.run(query)).toBe(100_000)
  })

  test('100 000 steps in a row that wait for nothing', async () => {
    const query = program(function* () {
      let sum = 0
      for (let step = 0; step < 100_000; step += 1) sum += yield* succeed(1)
      return sum
    })
    expect(await record().uow.run(query)).toBe(100_000)
  })

  const nestings: [string, (query: Query<number>) => Query<number>][] = [
    ['map', (query) => query.map((value) => value + 1)],
    ['andThen', (query) => query.andThen((value) => succeed(value + 1))],
    ['named', (query) => query.named('outer').map((value) => value + 1)],
    [
      'program',
      (query) =>
        program(function* () {
          return (yield* query) + 1
        }),
    ],
  ]

  test.each(nestings)('100 000 times %s around a query, when it succeeds', async (_, nest) => {
    let query: Query<number> = write('a')
    for (let depth = 0; depth < 100_000; depth += 1) query = nest(query)
    expect(await record().uow.run(query)).toBe(100_001)
  })

  test.each(nestings)('100 000 times %s around a query, when it fails', async (_, nest) => {
    let query: Query<number> = write('a')
    for (let depth = 0; depth < 100_000; depth += 1) query = nest(query)
    const { uow } = record({ answers: { outer: refusal(), a: refusal() } })
    expect(await failureOf(uow.run(query))).toBeInstanceOf(StatementError)
  })

  test('100 000 queries, each made by the andThen of the one before', async () => {
    const count = (left: number): Query<string> =>
      left === 0 ? succeed('done') : succeed(left).andThen((value) => count(value - 1))
    expect(await record().uow.run(count(100_000))).toBe('done')
  })
})

describe('a failed step', () => {
  test('is thrown at its yield*, and finally runs', async () => {
    const events: unknown[] = []
    const query = program(function* () {
      try {
        yield* write('a')
        yield* write('bad')
        events.push('went on')
      } catch (error) {
        events.push(error)
        throw error
      } finally {
        events.push('finally')
      }
    })
    const { uow, driver } = record({ answers: { bad: refusal('duplicate-key') } })
    const error = await failureOf(uow.run(query))
    expect(error).toMatchObject({ kind: 'duplicate-key', label: 'bad' })
    expect(events).toEqual([error, 'finally'])
    expect(driver.journal).toEqual(['acquire', ['a'], ['bad'], ['rollback'], 'release'])
  })

  test('can be translated, and the translation comes out as the same object', async () => {
    const translated = new RangeError('taken')
    const inner = program(function* () {
      try {
        yield* write('bad')
      } catch (error) {
        throw Object.assign(translated, { cause: error })
      }
    })
    const caught: unknown[] = []
    const outer = program(function* () {
      try {
        yield* inner.map(() => 'unreached')
      } catch (error) {
        caught.push(error)
        throw error
      }
    })
    const { uow } = record({ answers: { bad: refusal() } })
    expect(await failureOf(uow.run(outer))).toBe(translated)
    expect(translated.cause).toBeInstanceOf(StatementError)
    expect(caught).toEqual([translated])
  })

  test.each(['return', 'next step'])('dooms the unit although the program swallows it: %s', async (way) => {
    const events: string[] = []
    const query = program(function* () {
      try {
        try {
          yield* write('bad')
        } catch {
          events.push('swallowed')
        }
        if (way === 'next step') yield* write('next')
        events.push('went on')
        return 'fine'
      } finally {
        events.push('finally')
      }
    })
    const { uow, driver } = record({ answers: { bad: refusal() } })
    expect(await failureOf(uow.run(query))).toMatchObject({ label: 'bad' })
    expect(events).toEqual(way === 'return' ? ['swallowed', 'went on', 'finally'] : ['swallowed', 'finally'])
    expect(driver.journal).toEqual(['acquire', ['bad'], ['rollback'], 'release'])
  })

  test('that needs no statement is thrown, too', async () => {
    const error = new Error('mine')
    const caught: unknown[] = []
    const query = program(function* () {
      try {
        yield* fail(error)
      } catch (thrown) {
        caught.push(thrown)
        throw thrown
      }
    })
    expect(await failureOf(record().uow.run(query))).toBe(error)
    expect(caught).toEqual([error])
  })

  test('an error of the program itself comes out as the same object', async () => {
    const error = new RangeError('frozen')
    const query = program(function* () {
      yield* write('a')
      throw error
    })
    const { uow, driver } = record()
    expect(await failureOf(uow.run(query))).toBe(error)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('has the programs beside it run their finally blocks, wherever they wait', async () => {
    const ended: string[] = []
    const waiting = (name: string, steps: number) =>
      program(function* () {
        try {
          for (let step = 1; step <= steps; step += 1) yield* write(`${name}${step}`)
          ended.push(`${name} returned`)
        } finally {
          ended.push(name)
        }
      })
    const sibling = program(function* () {
      try {
        yield* all([waiting('inner', 2), write('x')])
      } finally {
        ended.push('outer')
      }
    })
    const { uow, driver } = record({ answers: { bad1: refusal() } })
    await failureOf(
      uow.run(all([waiting('done', 1), sibling, waiting('bad', 1), waiting('late', 1), waiting('slow', 3)])),
    )
    expect(driver.journal).toEqual([
      'acquire',
      ['done1', 'inner1', 'x', 'bad1', 'late1', 'slow1'],
      ['rollback'],
      'release',
    ])
    expect(ended).toEqual(['done returned', 'done', 'bad', 'inner', 'outer', 'late', 'slow'])
  })

  test('has programs that had not got to their first step end, too', async () => {
    const ended: string[] = []
    const beside = (name: string) =>
      program(function* () {
        try {
          yield* write(name)
        } finally {
          ended.push(name)
        }
      })
    const error = new Error('mine')
    const { uow, driver } = record()
    expect(await failureOf(uow.run(all([beside('a'), fail(error), beside('b')])))).toBe(error)
    expect(ended).toEqual(['a'])
    expect(driver.journal).toEqual([])
  })

  test('is not replaced by what the finally block of another program throws', async () => {
    const beside = program(function* () {
      try {
        yield* write('b1')
        yield* write('b2')
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- what this is about
        throw new Error('from finally')
      }
    })
    const { uow } = record({ answers: { bad: refusal() } })
    expect(await failureOf(uow.run(all([write('bad'), beside])))).toMatchObject({ label: 'bad' })
  })
})

test.each([
  ['an async generator', async function* () {}],
  ['an async function', async () => 1],
  ['a function that returns a query', () => succeed(1)],
])('%s is no program, and fails the unit', async (_, body) => {
  await expect(record().uow.run(program(body as never))).rejects.toThrow(/expected a generator function/)
})
