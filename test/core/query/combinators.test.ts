import { afterCommit, all, attempt, fail, one, type Query, succeed, UsageError } from '@leasehold/core'
import { describe, expect, test, vi } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

/** A branch of some depth: a1, then a2 … */
function steps(name: string, depth: number): Query<number> {
  let query: Query<number> = succeed(0)
  for (let step = 1; step <= depth; step += 1) {
    query = query.andThen((sum) => read(`${name}${step}`).map((rows) => sum + rows.length))
  }
  return query
}

describe('all', () => {
  test('of a list gives a list, of a record a record', async () => {
    const answers = { a: [{ id: 1 }], b: { affectedRows: 2 } }
    expect(await record({ answers }).uow.run(all([read('a'), write('b')]))).toEqual([[{ id: 1 }], 2])
    expect(await record({ answers }).uow.run(all({ x: read('a'), y: write('b') }))).toEqual({
      x: [{ id: 1 }],
      y: 2,
    })
  })

  test('of none runs nothing', async () => {
    const { uow, driver } = record()
    expect(await uow.run(all([]))).toEqual([])
    expect(await uow.run(all({}))).toEqual({})
    expect(await uow.run(all([all([]), all({})]))).toEqual([[], {}])
    expect(driver.journal).toEqual([])
  })

  test('keeps the order of the list in one flight', async () => {
    const { uow, driver } = record()
    await uow.run(
      all([read('a'), all([write('b'), read('c')]), all({ d: read('d'), e: write('e') }), write('f')]),
    )
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'c', 'd', 'e', 'f'], ['commit'], 'release'])
  })

  test('nested gives nested results', async () => {
    const answers = { a: { affectedRows: 1 }, b: { affectedRows: 2 }, c: { affectedRows: 3 } }
    const query = all({ x: all([write('a'), write('b')]), y: all([all([write('c')])]) })
    expect(await record({ answers }).uow.run(query)).toEqual({ x: [1, 2], y: [[3]] })
  })

  test('branches of different depth advance side by side', async () => {
    const { uow, driver } = record({ answers: { a1: [{}], b2: [{}, {}], c3: [{}, {}, {}] } })
    const query = all([steps('a', 1), steps('b', 3), succeed('none'), steps('c', 4)])
    expect(await uow.run(query)).toEqual([1, 2, 'none', 3])
    expect(driver.journal).toEqual([
      'acquire',
      ['a1', 'b1', 'c1'],
      ['b2', 'c2'],
      ['b3', 'c3'],
      ['c4', 'commit'],
      'release',
    ])
  })

  test('what follows it waits for its slowest branch', async () => {
    const { uow, driver } = record()
    await uow.run(all([steps('a', 1), steps('b', 2)]).andThen(() => read('after')))
    expect(driver.sent).toEqual(['a1', 'b1', 'b2', 'after', 'commit'])
  })

  test('the same query may be in it several times', async () => {
    const { uow, driver } = record({ answers: { a: ({ before }) => before } })
    const query = write('a')
    expect(await uow.run(all([query, query, query]))).toEqual([0, 1, 2])
    expect(driver.sent).toEqual(['a', 'a', 'a', 'commit'])
  })

  test('the first failure in order fails it, and later ones are not looked at', async () => {
    const { uow, driver } = record()
    const seen: string[] = []
    const first = new Error('first')
    const query = all([
      read('a').map(() => seen.push('a')),
      read('b').map(() => {
        throw first
      }),
      read('c').map(() => seen.push('c')),
    ])
    expect(await failureOf(uow.run(query.andThen(() => read('d'))))).toBe(first)
    expect(seen).toEqual(['a'])
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'c'], ['rollback'], 'release'])
  })

  test('code of the caller is not called for answers behind a failure', async () => {
    const orElse = vi.fn(() => new Error('none'))
    const failing = read('a').map(() => {
      throw new Error('first')
    })
    await failureOf(record().uow.run(all([failing, one(db.selectFrom('accounts').selectAll(), { orElse })])))
    expect(orElse).not.toHaveBeenCalled()
  })

  test('a list that is changed afterwards changes nothing', async () => {
    const { uow, driver } = record()
    const list = [read('a')]
    const query = all(list)
    list.push(read('b'))
    await uow.run(query)
    expect(driver.sent).toEqual(['a', 'commit'])
  })

  test('results are made anew in each run', async () => {
    const { uow } = record()
    const query = all([write('a'), write('b')])
    const results = await uow.run(query)
    results[0] = 99
    expect(await uow.run(query)).toEqual([1, 1])
  })

  test('keys that objects have by themselves are keys like others', async () => {
    expect(await record().uow.run(all({ ['__proto__']: write('a'), toString: write('b') }))).toEqual({
      ['__proto__']: 1,
      toString: 1,
    })
  })

  test.each([
    ['a string', 'ab'],
    ['nothing', undefined],
    ['null', null],
    ['a query', read('a')],
    ['a builder', db.selectFrom('accounts')],
    ['a promise', Promise.resolve([read('a')])],
    ['a map', new Map([['a', read('a')]])],
  ])('%s is refused at once', (_, nonsense) => {
    expect(() => all(nonsense as never)).toThrow(UsageError)
  })

  test('10 000 statements side by side travel in flights of 512', async () => {
    const { uow, driver } = record()
    const counts = await uow.run(all(Array.from({ length: 10_000 }, (_, index) => write(`w${index}`))))
    expect(counts).toHaveLength(10_000)
    const sizes = driver.flights.map((flight) => flight.length)
    expect(sizes).toEqual([...Array.from({ length: 19 }, () => 512), 10_000 - 19 * 512, 1])
    expect(driver.sent.slice(0, -1)).toEqual(Array.from({ length: 10_000 }, (_, index) => `w${index}`))
  })

  test('COMMIT travels with the last of the flights that reads need, not before', async () => {
    const { uow, driver } = record()
    await uow.run(all(Array.from({ length: 600 }, () => read('a'))))
    expect(driver.flights.map((flight) => flight.length)).toEqual([512, 600 - 512 + 1])
    expect(driver.sent.indexOf('commit')).toBe(600)
  })

  test('a statement of which nobody knows what it does ends its flight', async () => {
    const { uow, driver } = record()
    await uow.run(all([read('a'), raw('x'), write('b'), raw('y'), raw('z'), read('c')]))
    expect(driver.journal).toEqual([
      'acquire',
      ['a', 'savepoint', 'x', 'release'],
      ['b', 'savepoint', 'y', 'release'],
      ['savepoint', 'z', 'release'],
      ['c'],
      ['commit'],
      'release',
    ])
  })

  test('200 000 branches, more than a call takes arguments', async () => {
    const { uow } = record({ answers: { a: [] } })
    const branches = Array.from({ length: 200_000 }, (_, index) => succeed(index))
    const results = await uow.run(all([read('a'), ...branches]))
    expect(results.slice(1)).toEqual(Array.from({ length: 200_000 }, (_, index) => index))
  })

  test('200 000 hooks within an attempt', async () => {
    const { uow } = record({ answers: { a: [] } })
    let called = 0
    const hooks = Array.from({ length: 200_000 }, () => afterCommit(() => void (called += 1)))
    await uow.run(attempt(all([read('a'), ...hooks])))
    expect(called).toBe(200_000)
  })

  test('100 000 deep does not overflow the stack', async () => {
    let query: Query<unknown> = write('a')
    for (let depth = 0; depth < 100_000; depth += 1) query = all([query])
    const { uow, driver } = record()
    await uow.run(query)
    expect(driver.journal).toEqual(['acquire', ['a', 'commit'], 'release'])
  })
})

describe('succeed and fail', () => {
  test('succeed gives its value without a connection', async () => {
    const { uow, driver } = record()
    const value = { a: 1 }
    expect(await uow.run(succeed(value))).toBe(value)
    expect(driver.journal).toEqual([])
  })

  test('fail fails the unit with the same object', async () => {
    const { uow, driver } = record()
    const error = new RangeError('mine')
    expect(await failureOf(uow.run(read('a').andThen(() => fail(error))))).toBe(error)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
    expect(await failureOf(uow.run(fail(error)))).toBe(error)
  })
})
