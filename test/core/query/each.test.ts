import {
  afterCommit,
  all,
  attempt,
  each,
  fail,
  program,
  type Query,
  succeed,
  UsageError,
} from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { failureOf, read, record, write } from '../support/unit.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Steps in a row: name1, then name2 … */
function steps(name: string, depth: number): Query<string> {
  return program(function* () {
    for (let step = 1; step <= depth; step += 1) yield* write(`${name}${step}`)
    return name
  })
}

describe('each', () => {
  test('gives the results in the order of the items, whatever the depth of their branches', async () => {
    const { uow, driver } = record()
    expect(await uow.run(each([3, 1, 0, 2], (depth, index) => steps(`${index}.`, depth)))).toEqual([
      '0.',
      '1.',
      '2.',
      '3.',
    ])
    expect(driver.journal).toEqual([
      'acquire',
      ['0.1', '1.1', '3.1'],
      ['0.2', '3.2'],
      ['0.3'],
      ['commit'],
      'release',
    ])
  })

  test('of no items runs nothing', async () => {
    const { uow, driver } = record()
    expect(await uow.run(each([], () => read('a')))).toEqual([])
    expect(driver.journal).toEqual([])
  })

  test('of branches that need no statement needs no connection, however many', async () => {
    const { uow, driver } = record()
    expect(await uow.run(each(numbers(10_000), (number) => succeed(number)))).toEqual(numbers(10_000))
    expect(await uow.run(attempt(each(numbers(2), (number) => succeed(number))))).toEqual({
      ok: true,
      value: [0, 1],
    })
    expect(driver.journal).toEqual([])
  })

  test('keeps its place among branches beside it', async () => {
    const { uow, driver } = record()
    const eachOf = (...names: string[]) => each(names, (name) => write(name))
    await uow.run(
      all([write('a'), eachOf('b', 'c'), write('d'), each(['e', 'f'], (name) => eachOf(name, name))]),
    )
    expect(driver.sent).toEqual(['a', 'b', 'c', 'd', 'e', 'e', 'f', 'f', 'commit'])
  })

  test('may commit along when it only reads', async () => {
    const { uow, driver } = record()
    await uow.run(each(['a', 'b'], (name) => read(name)))
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'commit'], 'release'])
  })

  test('starts afresh each time, from the items as they were', async () => {
    const items = ['a']
    const query = each(items, (name) => read(name).map(() => name))
    items.push('b')
    expect([await record().uow.run(query), await record().uow.run(query)]).toEqual([['a'], ['a']])
  })

  test('carries the label of the query around it', async () => {
    const { uow, driver } = record()
    await uow.run(
      each([1], () => succeed(1).andThen(() => read('a').map((rows) => rows.length))).named('outer'),
    )
    expect(driver.sent).toEqual(['a', 'commit'])
  })

  const error = new Error('mine')
  const throwing = (): never => {
    throw error
  }

  test.each<[string, () => unknown, unknown]>([
    ['the function throws', throwing, error],
    ['its query fails', () => fail(error), error],
    ['it gives no query', () => undefined, expect.any(UsageError)],
  ])('%s: it fails', async (_, make, expected) => {
    const caught: unknown[] = []
    const query = program(function* () {
      try {
        return yield* each(['a', 'bad', 'b'], (name) =>
          name === 'bad' ? (make() as Query<number>) : write(name),
        )
      } catch (failure) {
        caught.push(failure)
        throw failure
      }
    })
    const { uow, driver } = record()
    const failure = await failureOf(uow.run(query))
    expect(failure).toEqual(expected)
    expect(caught).toEqual([failure])
    expect(driver.journal).toEqual([])
  })

  test('takes an array and a function', () => {
    expect(() => each('ab' as never, () => succeed(1))).toThrow(UsageError)
    expect(() => each([1], succeed(1) as never)).toThrow(/each\(ids, \(id\) =>/)
  })
})

describe('many items', () => {
  test('10 000 branches of two steps: no flight has more than 512 statements, and order is kept', async () => {
    const { uow, driver } = record({ delay: () => Promise.resolve() })
    const query = each(numbers(10_000), (number) => steps(`${number}.`, 2))
    expect(await uow.run(query)).toEqual(numbers(10_000).map((number) => `${number}.`))
    expect(Math.max(...driver.flights.map((flight) => flight.length))).toBe(512)
    expect(driver.flights).toHaveLength(Math.ceil(20_000 / 512) + 1)
  })

  test.each([1, 3])('100 000 branches of depth %i: only hundreds are begun at a time', async (depth) => {
    let begun = 0
    let ended = 0
    let most = 0
    const step = read('a')
    const branch = program(function* () {
      begun += 1
      most = Math.max(most, begun - ended)
      for (let done = 0; done < depth; done += 1) yield* step
      ended += 1
    })
    const { uow } = record({ delay: () => Promise.resolve() })
    await uow.run(each(numbers(100_000), () => branch))
    expect([begun, ended]).toEqual([100_000, 100_000])
    expect(most).toBe(512)
  })

  test('of many items each: those that were begun go on before others are', async () => {
    let begun = 0
    let ended = 0
    let most = 0
    const step = read('a')
    const inner = each(numbers(100), () => step)
    const outer = program(function* () {
      begun += 1
      most = Math.max(most, begun - ended)
      yield* step
      yield* inner
      ended += 1
    })
    const { uow } = record({ delay: () => Promise.resolve() })
    await uow.run(each(numbers(2_000), () => outer))
    expect(ended).toBe(2_000)
    expect(most).toBe(512)
  })

  test('a failure ends those that were begun, and begins no others', async () => {
    const events: string[] = []
    const branch = (number: number) =>
      program(function* () {
        events.push(`begins ${number}`)
        try {
          yield* write('a')
          if (number === 1) yield* fail(new Error('mine'))
          yield* write('b')
        } finally {
          events.push(`ends ${number}`)
        }
      })
    const { uow, driver } = record()
    await failureOf(uow.run(each(numbers(2_000), branch)))
    expect(events.filter((event) => event.startsWith('begins'))).toHaveLength(512)
    expect(events.filter((event) => event.startsWith('ends'))).toHaveLength(512)
    expect(driver.journal).toEqual(['acquire', expect.any(Array), ['rollback'], 'release'])
  })

  test('queries of tasks beside it are answered, too, when it fails', async () => {
    const { uow } = record()
    const outcomes: string[] = []
    await failureOf(
      uow.run(async (q) => {
        const work = [q(each(numbers(2_000), () => write('a'))), q(fail(new Error('mine'))), q(write('b'))]
        outcomes.push(...(await Promise.allSettled(work)).map(({ status }) => status))
      }),
    )
    expect(outcomes).toEqual(['rejected', 'rejected', 'rejected'])
  })

  test('attempts among them run by themselves', async () => {
    const { uow, driver } = record()
    const query = each(['a', 'b'], (name) => attempt(all([write(name), afterCommit(() => {})])))
    expect(await uow.run(query)).toMatchObject([{ ok: true }, { ok: true }])
    expect(driver.journal).toEqual(['acquire', ['savepoint', 'a'], ['savepoint', 'b'], ['commit'], 'release'])
  })
})
