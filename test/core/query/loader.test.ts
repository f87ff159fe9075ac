import {
  all,
  attempt,
  describeQuery,
  each,
  type Executor,
  fail,
  loader,
  many,
  program,
  type Query,
  recover,
  ResultError,
  StatementError,
  succeed,
  UsageError,
} from '@leasehold/core'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type Account, db } from '../support/accounts.ts'
import { byKey } from '../support/by-key.ts'
import { refusal } from '@leasehold/core/testing'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

const fetch = (ids: readonly number[]): Query<Account[], 'read'> =>
  many(db.selectFrom('accounts').selectAll().where('id', 'in', ids)).named('byIds')

const accounts = loader(fetch, (row) => row.id)

const owner = (id: number): Query<string | undefined, 'read'> =>
  accounts.load(id).map((account) => account?.ownerName)

/** A write to another table than the loader reads. */
const writeEntries = many(db.insertInto('entries').values({ account: 1, cents: 1 })).named('entries')

describe('loads of one flight', () => {
  test('are one statement, which asks for each key once, in the order of asking', async () => {
    const { uow, driver, asked } = byKey(['byIds'])
    const query = all([
      owner(4),
      each([2, 4, 7], (id) => owner(id)),
      program(function* () {
        return yield* accounts.loadMany(2)
      }),
    ])
    expect(await uow.run(query)).toEqual([
      'owner 4',
      ['owner 2', 'owner 4', undefined],
      [{ id: 2, ownerName: 'owner 2', cents: 100 }],
    ])
    expect(asked('byIds')).toEqual([[4, 2, 7]])
    expect(driver.journal).toEqual(['acquire', ['byIds'], ['commit'], 'release'])
  })

  test('come from several tasks of a body, too', async () => {
    const { uow, asked } = byKey(['byIds'])
    const task = (q: Executor) => async (id: number) => {
      for (let tick = 0; tick < id; tick += 1) await Promise.resolve()
      return q(owner(id))
    }
    expect(await uow.run((q) => Promise.all([2, 4, 6].map(task(q))))).toEqual([
      'owner 2',
      'owner 4',
      'owner 6',
    ])
    expect(asked('byIds')).toEqual([[2, 4, 6]])
  })

  test('travel beside other statements, and those of another loader', async () => {
    const other = loader(
      (ids: readonly number[]) => fetch(ids).named('ignored'),
      (row) => row.id,
    )
    const { uow, driver } = byKey(['byIds'])
    await uow.run(all([read('a'), accounts.load(2), other.load(2), write('b'), accounts.load(4)]))
    expect(driver.journal[1]).toEqual(['a', 'byIds', 'byIds', 'b'])
  })

  test('alone may commit along', async () => {
    const { uow, driver } = byKey(['byIds'])
    expect(await uow.run(all([owner(2), owner(4)]))).toEqual(['owner 2', 'owner 4'])
    expect(driver.journal).toEqual(['acquire', ['byIds', 'commit'], 'release'])
  })

  test('with a step behind one of them do not commit along', async () => {
    const { uow, driver } = byKey(['byIds'])
    await uow.run(all([owner(2), accounts.load(4).andThen(() => read('a'))]))
    expect(driver.journal).toEqual(['acquire', ['byIds'], ['a', 'commit'], 'release'])
  })

  test('of more than 1 000 keys are several statements of the same flight', async () => {
    const { uow, driver, asked } = byKey(['byIds'])
    const ids = Array.from({ length: 2_500 }, (_, index) => index)
    const owners = await uow.run(each([...ids, ...ids], (id) => owner(id)))
    expect(owners).toEqual([...ids, ...ids].map((id) => (id % 2 === 0 ? `owner ${id}` : undefined)))
    expect(asked('byIds').map((keys) => keys.length)).toEqual([1_000, 1_000, 500])
    expect(driver.journal).toHaveLength(3)
  })

  test('carry the label of who asked first, unless the fetch has its own', async () => {
    const unnamed = loader(
      (ids) => db.selectFrom('accounts').selectAll().where('id', 'in', ids),
      (row) => row.id,
    )
    const { uow, driver } = record()
    await uow.run(all([unnamed.load(1).named('users.byId'), unnamed.load(2).named('orders.owner')]))
    expect(driver.journal[1]).toEqual(['users.byId', 'commit'])
  })

  test('in a loop take the flights of one pass', async () => {
    const { uow, driver, asked } = byKey(['byIds'])
    const chain = (id: number) =>
      program(function* () {
        const first = yield* owner(id)
        const next = yield* owner(id + 2)
        return [first, next]
      })
    await uow.run(each([2, 4, 6, 10], chain))
    expect(asked('byIds')).toEqual([
      [2, 4, 6, 10],
      [8, 12],
    ])
    expect(driver.journal).toHaveLength(5)
  })
})

describe('a key', () => {
  const keyed = <K>(rows: (keys: readonly unknown[]) => object[], keyOf: (row: { key: K }) => K) => ({
    ...byKey(['keyed'], (keys) => rows(keys)),
    loader: loader(
      (keys: readonly unknown[]) =>
        many(
          db
            .selectFrom('accounts')
            .selectAll()
            .where('id', 'in', keys as number[]),
        )
          .map((rows) => rows as unknown as { key: K }[])
          .named('keyed'),
      keyOf,
    ),
  })

  test.each<[string, unknown, unknown]>([
    ['a string', 'a', 'a'],
    ['a bigint', 7n, 7n],
    ['a number for a bigint', 7, 7n],
    ['a large bigint', 2n ** 63n, 2n ** 63n],
    ['a boolean, which the server gives as a number', true, 1],
    ['a date', new Date(5), new Date(5)],
    ['bytes', new Uint8Array([1, 255]), Buffer.from([1, 255])],
    ['a tuple', [1, 'a'], [1, 'a']],
    ['a record', { a: 1, b: 'x' }, { b: 'x', a: 1 }],
    ['an empty string', '', ''],
  ])('can be %s', async (_, asked, found) => {
    const { uow, loader } = keyed<unknown>(
      () => [{ key: found }],
      ({ key }) => key,
    )
    expect(await uow.run(loader.load(asked as {}))).toEqual({ key: found })
  })

  test.each<[string, unknown, unknown]>([
    ['a number and its text', 1, '1'],
    ['texts in other cases', 'a', 'A'],
    ['parts that read alike', ['a,b'], ['a', 'b']],
    ['a list and its text', ['a'], '["a"]'],
    ['large bigints', 2n ** 63n, 2n ** 63n + 1n],
    ['a date and its number', new Date(5), 5],
    ['a list and a record', [1], { 0: 1 }],
  ])('%s are two', async (_, one, other) => {
    const { uow, loader, asked } = keyed<unknown>(
      (keys) => keys.map((key) => ({ key })),
      ({ key }) => key,
    )
    const query = all([loader.load(one as {}), loader.load(other as {})])
    expect(await uow.run(query)).toEqual([{ key: one }, { key: other }])
    expect(asked('keyed').flat()).toHaveLength(2)
  })

  test.each<[string, unknown, unknown]>([
    ['texts in other cases', 'ann', 'ANN'],
    ['texts with other accents', 'e', 'é'],
    ['letters that are two', 'strasse', 'Straße'],
    ['texts with blanks at their ends', 'a', 'a '],
    ['texts with signs that count for nothing', 'ab', 'a\u00adb'],
    ['decimals of other scales', '1.5', '01.50'],
    ['dates', '2026-01-02', '2026-1-2'],
    ['moments', '2026-01-02 00:00:00', '2026-01-02'],
    ['numbers with blanks', '1', '1 '],
    ['numbers with a sign that counts for nothing', '1', '1\u00ad'],
    ['nothing and a mark', '', '\u0301'],
    ['numbers in other forms', '0.50', '+5e-1'],
    ['digits of other scripts', '12', '١٢'],
    ['letters at the end of a word', 'ασ', 'ας'],
    ['syllables of two scripts', 'かな', 'カナ'],
    ['names as Germans and Swedes sort them', 'Müller', 'Myller'],
    ['bits', Buffer.of(5), Buffer.of(0, 5)],
    ['a number and its text', 5, '5'],
    ['parts of tuples', ['a', 1], ['A', 1]],
    ['small kana', 'びょういん', 'びよういん'],
    ['Ukrainian letters', 'Ґалаґан', 'Галаган'],
    ['letters of two and of one', 'æ', 'ae'],
    ['bits in records', { b: Buffer.of(5), n: 1 }, { b: Buffer.of(0, 5), n: 1 }],
    ['decimals in records', { d: '0.50', s: 'a' }, { d: '0.5', s: 'a' }],
  ])('that the server may take for another is asked for by itself: %s', async (_, one, other) => {
    const { uow, loader } = keyed<unknown>(
      () => [{ key: one }],
      ({ key }) => key,
    )
    const failure = await failureOf(uow.run(all([loader.load(one as {}), loader.load(other as {})])))
    expect(failure).toMatchObject({ name: 'ResultError', actual: 'a row of another one' })
  })

  test('that looks like another, and is none to the server, has no rows', async () => {
    const { uow, loader, asked } = keyed<unknown>(
      (keys) => keys.filter((key) => key === 'ann').map((key) => ({ key })),
      ({ key }) => key,
    )
    const both = all([loader.load('ann'), loader.load('a-nn'), loader.load('bob')])
    expect(await uow.run(both)).toEqual([{ key: 'ann' }, undefined, undefined])
    expect(asked('keyed')).toEqual([['ann', 'a-nn', 'bob'], ['a-nn']])
  })

  test('is apart from other spellings of it, which the server may find by it', async () => {
    const server = (keys: readonly unknown[]) =>
      ['ann', 'ANN'].filter((name) => keys.some((key) => String(key).toLowerCase() === name.toLowerCase()))
    const { uow, loader } = keyed<unknown>(
      (keys) => server(keys).map((key) => ({ key })),
      ({ key }) => key,
    )
    for (const keys of [['ann'], ['ann', 'ANN'], ['ANN', 'bob', 'ann']]) {
      const loads = all(keys.map((key) => loader.load(key)))
      expect(await failureOf(uow.run(loads))).toMatchObject({ name: 'ResultError' })
    }
  })

  test.each([
    ['one more of its kind', ['Weiß', 'WEISS']],
    ['several that are alike', ['ab', 'abb', 'Weiß', 'aab', 'aabb', 'WEISS', 'weis']],
    ['letters whose equals are unknown', ['Ος', 'οσ', 'α', 'β', 'γ']],
  ])('fails beside one that the server finds by it, whatever else is asked for: %s', async (_, keys) => {
    const folded = (key: unknown): string =>
      String(key).toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ')
    const { uow, loader, asked } = keyed<unknown>(
      (wanted) =>
        keys.filter((name) => wanted.some((key) => folded(key) === folded(name))).map((key) => ({ key })),
      ({ key }) => key,
    )
    for (const order of [keys, keys.toReversed()]) {
      const loads = all(order.map((key) => loader.loadMany(key)))
      expect(await failureOf(uow.run(loads))).toMatchObject({ name: 'ResultError' })
    }
    const unequal = keys.filter((key) => !/weiß|weiss|ος/i.test(key))
    const before = asked('keyed').length
    await uow.run(all(unequal.map((key) => loader.loadMany(key))))
    expect(asked('keyed').length - before).toBeLessThanOrEqual(1 + Math.ceil(Math.log2(unequal.length + 1)))
  })

  test.each<[string, unknown]>([
    ['numbers', 2],
    ['bigints', 2n ** 63n + 1n],
    ['dates', new Date(2)],
  ])('of %s has COMMIT in its flight, for nothing can be asked once more', async (_, other) => {
    const { uow, loader, driver } = keyed<unknown>(
      (keys) => keys.map((key) => ({ key })),
      ({ key }) => key,
    )
    const one = typeof other === 'bigint' ? 2n ** 63n : other instanceof Date ? new Date(1) : 1
    await uow.run(all([loader.load(one), loader.load(other as {})]))
    expect(driver.journal).toEqual(['acquire', ['keyed', 'commit'], 'release'])
  })

  test.each<[string, unknown[]]>([
    ['texts', ['a', 'b', 'a b c', 'ann', 'annd', '愛', '北', '서울', '부산']],
    ['times', ['10:00:00', '12:00:00', '10:30:00']],
    ['numbers as text', ['1', '10', '100', '1.5', '-1', '01a']],
    ['uuids', ['123e4567-e89b-12d3-a456-426614174000', '123e4567-e89b-12d3-a456-426614174001']],
    ['bytes', [Buffer.of(1), Buffer.of(1, 0), Buffer.of(2)]],
    ['large bigints, and numbers', [2n ** 63n, 10n ** 18n + 1n, -(2n ** 62n), 5]],
  ])('that is unlike the others shares a statement with them: %s', async (_, keys) => {
    const { uow, loader, asked } = keyed<unknown>(
      (asked) => asked.map((key) => ({ key })),
      ({ key }) => key,
    )
    await uow.run(all(keys.map((key) => loader.load(key as {}))))
    expect(asked('keyed')).toHaveLength(1)
  })

  test.each([null, undefined, Symbol('a'), () => 1, [null], { a: undefined }])('can not be %s', (key) => {
    expect(() => accounts.load(key as never)).toThrow(UsageError)
    expect(() => accounts.loadMany(key as never)).toThrow(/expected a key/)
  })

  test('that was not asked for, of a row: the fetch fails', async () => {
    const { uow } = byKey(['byIds'], () => [{ id: 3 }])
    const failure = await failureOf(uow.run(accounts.load(2)))
    expect(failure).toBeInstanceOf(ResultError)
    expect(failure).toMatchObject({
      expected: 'rows of the keys that were asked for',
      actual: 'a row of another one',
    })
  })

  test('with several rows: loadMany gives them in order, load fails', async () => {
    const rows = [
      { id: 2, cents: 1 },
      { id: 4, cents: 2 },
      { id: 2, cents: 3 },
    ]
    const run = <T>(query: Query<T>) => byKey(['byIds'], () => rows).uow.run(query)
    expect(await run(all([accounts.loadMany(2), accounts.loadMany(4)]))).toEqual([
      [rows[0], rows[2]],
      [rows[1]],
    ])
    const failure = await failureOf(run(all([accounts.load(4), accounts.load(2).named('users.byId')])))
    expect(failure).toMatchObject({ name: 'ResultError', label: 'users.byId', actual: '2 rows' })
  })

  test('asked for by loadMany several times gives a list of its own each time', async () => {
    const { uow } = byKey(['byIds'])
    const [first, second] = await uow.run(all([accounts.loadMany(2), accounts.loadMany(2)]))
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
  })
})

describe('within a unit', () => {
  /** Loads 2 and 3, does something, and loads them again. */
  const around = (between: Query<unknown>) =>
    program(function* () {
      const load = all([owner(2), owner(3)])
      const before = yield* load
      yield* between
      expect(yield* load).toEqual(before)
    })

  test.each<[string, Query<unknown>]>([
    ['nothing', succeed(1)],
    ['a read', read('a')],
    ['a write to another table', writeEntries],
    ['an attempt that reads', attempt(read('a'))],
    [
      'an attempt that fails and wrote to another table',
      attempt(writeEntries.andThen(() => fail(new Error('mine')))),
    ],
  ])('%s: what was loaded, or was not there, is remembered', async (_, between) => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(around(between))
    expect(asked('byIds')).toEqual([[2, 3]])
  })

  test.each<[string, Query<unknown>]>([
    ['a write to the table', write('a')],
    ['a write that mentions it with its schema', many(db.deleteFrom('bank.accounts' as never)).named('a')],
    ['raw SQL', raw('a')],
    ['a write with raw SQL in it', many(db.updateTable('entries').set({ cents: sql`1` })).named('a')],
    [
      'a read that calls a function',
      many(db.selectFrom('entries').select((e) => e.fn('f', ['id']).as('f'))).named('a'),
    ],
    ['a locking read of it', many(db.selectFrom('accounts').selectAll().forUpdate()).named('a')],
    ['an attempt that writes to it', attempt(write('a'))],
    ['an attempt that fails and wrote to it', attempt(write('a').andThen(() => fail(new Error('mine'))))],
    ['an attempt in an attempt', attempt(attempt(write('a')))],
  ])('%s: it is asked for again', async (_, between) => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(around(between))
    expect(asked('byIds')).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  test('a write beside the load leaves what it gave in doubt, or not, by their order', async () => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(
      program(function* () {
        yield* all([owner(2), write('a')])
        yield* all([owner(2), write('b'), owner(4)])
        yield* owner(2)
      }),
    )
    expect(asked('byIds')).toEqual([[2], [2, 4], [2]].slice(0, 1).concat([[2, 4], [2]]))
  })

  test('a key that another flight has under way is not asked for again', async () => {
    const { uow, asked } = byKey(['byIds', 'a'])
    await uow.run(all([read('a').andThen(() => owner(2)), owner(2)]))
    expect(asked('byIds')).toEqual([[2]])
  })

  test('an attempt knows what was loaded before, and what it loaded is known after it', async () => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(
      program(function* () {
        yield* owner(2)
        yield* attempt(all([owner(2), owner(4)]))
        yield* all([owner(2), owner(4)])
      }),
    )
    expect(asked('byIds')).toEqual([[2], [4]])
  })

  test('an attempt does not know what it has written over, and what a failed one loaded is forgotten', async () => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(
      program(function* () {
        yield* owner(2)
        yield* attempt(
          program(function* () {
            yield* write('a')
            yield* all([owner(2), owner(4)])
            yield* owner(4)
            yield* fail(new Error('mine'))
          }),
        )
        yield* all([owner(2), owner(4)])
      }),
    )
    expect(asked('byIds')).toEqual([[2], [2, 4], [2, 4]])
  })

  test('tasks beside an attempt do not see what it loads', async () => {
    const { uow, asked } = byKey(['byIds'])
    await uow.run(async (q) => {
      const failing = program(function* () {
        yield* write('a')
        yield* owner(2)
        yield* write('b')
        yield* fail(new Error('mine'))
      })
      const attempted = q(attempt(failing))
      await q(succeed(1))
      while (asked('byIds').length === 0) await new Promise(setImmediate)
      await Promise.all([attempted, q(owner(2))])
    })
    expect(asked('byIds')).toEqual([[2], [2]])
  })

  test('what is loaded in an attempt does not wait for what is loaded beside it', async () => {
    const { uow, driver } = byKey(['byIds'])
    expect(await uow.run(all([attempt(owner(2)), owner(2), attempt(owner(4))]))).toEqual([
      { ok: true, value: 'owner 2' },
      'owner 2',
      { ok: true, value: 'owner 4' },
    ])
    expect(driver.sent.filter((name) => name === 'byIds')).toHaveLength(2)
  })

  test('another unit, and another attempt at it, starts afresh', async () => {
    const { uow, asked } = byKey(['byIds'], undefined, (name, before) =>
      name === 'a' && before === 0 ? refusal('deadlock') : undefined,
    )
    await uow.run(owner(2).andThen(() => read('a')))
    await uow.run(owner(2))
    expect(asked('byIds')).toEqual([[2], [2], [2]])
  })

  test('what a unit inside of a sandbox may have written is forgotten', async () => {
    const { uow, asked } = byKey(['byIds'])
    await uow.sandbox(async (q, sandboxed) => {
      await q(owner(2))
      await sandboxed.run(write('a'))
      await q(owner(2))
    })
    expect(asked('byIds')).toEqual([[2], [2]])
  })

  test.each<[string, Query<object[]>, number]>([
    ['reads', read('a'), 1],
    [
      'calls a function',
      many(db.selectFrom('entries').select((e) => e.fn<number>('f', ['id']).as('f'))).named('a'),
      2,
    ],
  ])('around a stream that %s', async (_, rows, times) => {
    const { uow, asked } = byKey(['byIds', 'a'])
    await uow.run(async (q) => {
      await q(owner(2))
      for await (const row of q.stream(rows)) expect(row).toBeUndefined()
      await q(owner(2))
    })
    expect(asked('byIds')).toHaveLength(times)
  })

  test('rows of a fetch that is more than a statement are forgotten at any write', async () => {
    const steps = loader(
      (ids: readonly number[]) => succeed(ids).andThen(fetch),
      (row) => row.id,
    )
    const twice = (between: Query<unknown>) =>
      program(function* () {
        yield* steps.load(2)
        yield* between
        yield* steps.load(2)
      })
    const { uow, asked } = byKey(['byIds'])
    await uow.run(twice(read('a')))
    expect(asked('byIds')).toHaveLength(1)
    await uow.run(twice(writeEntries))
    expect(asked('byIds')).toHaveLength(3)
  })
})

describe('a fetch', () => {
  const failing = owner(2).map(() => {
    throw new Error('mine')
  })

  test('may have several steps, and use other loaders', async () => {
    const named = loader(
      (ids: readonly number[]) => each(ids, (id) => owner(id).map((name) => ({ id, name }))),
      (row) => row.id,
    )
    const { uow, driver, asked } = byKey(['byIds'])
    const query = all([named.load(2), owner(6), named.load(4).andThen((row) => owner((row?.id ?? 0) + 2))])
    expect(await uow.run(query)).toEqual([{ id: 2, name: 'owner 2' }, 'owner 6', 'owner 6'])
    expect(asked('byIds')).toEqual([[6, 2, 4]])
    expect(driver.journal).toEqual(['acquire', ['byIds'], ['commit'], 'release'])
  })

  test('that needs no statement sends none, and is described so', async () => {
    const constant = loader(
      (ids: readonly number[]) => succeed(ids.map((id) => ({ id }))),
      (row) => row.id,
    )
    const { uow, driver } = record()
    const query = all([constant.load(1), constant.load(2)])
    expect(await uow.run(query)).toEqual([{ id: 1 }, { id: 2 }])
    expect(driver.journal).toEqual([])
    expect(describeQuery(query)).toMatchObject({ flights: [], outcome: { type: 'success' } })
  })

  test('may give builders', async () => {
    const built = loader(
      (ids) => db.selectFrom('accounts').selectAll().where('id', 'in', ids),
      ({ id }) => id,
    )
    const { uow } = record({ answers: { a: [{ id: 1 }] } })
    expect(await uow.run(built.load(1).named('a'))).toEqual({ id: 1 })
  })

  test('that fails fails all who asked, each where it asked, and the unit', async () => {
    const caught: unknown[] = []
    const asking = (id: number) =>
      program(function* () {
        try {
          yield* owner(id)
        } catch (error) {
          caught.push(error)
          throw error
        }
      })
    const { uow, driver } = record({ answers: { byIds: refusal('lock-timeout') } })
    const outcomes: unknown[] = []
    const failure = await failureOf(
      uow.run(async (q) => {
        outcomes.push(
          ...(await Promise.allSettled([q(asking(1)), q(all([asking(2), write('a')])), q(owner(1))])),
        )
      }),
    )
    expect(failure).toBeInstanceOf(StatementError)
    expect(failure).toMatchObject({ kind: 'lock-timeout', label: 'byIds' })
    expect(caught).toEqual([failure, failure])
    expect(outcomes).toEqual(Array.from({ length: 3 }, () => ({ status: 'rejected', reason: failure })))
    expect(driver.journal.slice(-2)).toEqual([['rollback'], 'release'])
  })

  test('that fails in an attempt fails the attempt', async () => {
    const { uow } = record({ answers: { byIds: refusal('lock-timeout') } })
    expect(await uow.run(recover(owner(2), () => succeed('recovered')))).toBe('recovered')
  })

  const error = new Error('mine')
  const throwing = (): never => {
    throw error
  }

  test.each<[string, () => unknown, unknown]>([
    ['throws', throwing, error],
    ['gives no query', () => 1, expect.any(UsageError)],
    ['gives no rows', () => succeed(1), expect.any(UsageError)],
  ])('that %s fails who asked', async (_, fetch, expected) => {
    const broken = loader(fetch as () => Query<{ id: number }[]>, ({ id }) => id)
    const { uow, driver } = record()
    const failure = await failureOf(uow.run(all([broken.load(1), broken.load(2), write('a')])))
    expect(failure).toEqual(expected)
    expect(driver.journal).toEqual([])
  })

  const other = loader(
    (ids: readonly number[]) => fetch(ids),
    (row) => row.id,
  )

  test.each<[string, Query<unknown>[], Query<unknown>[]]>([
    ['a row of the fetch', [failing, owner(2), owner(4)], []],
    ['a statement of the same flight', [read('bad'), owner(2), owner(4)], []],
    ['a statement of the flight before', [read('bad')], [owner(2), other.load(4)]],
    ['a row of the flight before', [owner(2)], [failing, owner(2), owner(4), other.load(4)]],
  ])('%s fails: whoever else asked is told', async (_, first, late) => {
    const { uow, driver } = byKey(['byIds'], undefined, (name) => (name === 'bad' ? refusal() : undefined))
    const outcomes: unknown[] = []
    await failureOf(
      uow.run(async (q) => {
        const running = first.map((query) => q(query))
        // Until the first flight is under way.
        while (driver.flights.length === 0) await new Promise<void>((resolve) => process.nextTick(resolve))
        running.push(...late.map((query) => q(query)))
        outcomes.push(...(await Promise.allSettled(running)))
      }),
    )
    expect(outcomes).toHaveLength(first.length + late.length)
  })
})

test('a loader is a frozen value, made of two functions', () => {
  expect(Object.isFrozen(accounts)).toBe(true)
  expect(() => loader('accounts' as never, () => 1 as never)).toThrow(UsageError)
  expect(() => loader(fetch, 'id' as never)).toThrow(/loader\(\(keys\) =>/)
})

test('10 000 loads of a chain of programs advance side by side', async () => {
  const { uow, driver, asked } = byKey(['byIds'])
  const ids = Array.from({ length: 10_000 }, (_, index) => index * 2)
  const chain = (id: number) =>
    program(function* () {
      yield* owner(id)
      return yield* owner(id + 20_000)
    })
  expect(await uow.run(each(ids, chain))).toEqual(ids.map((id) => `owner ${id + 20_000}`))
  expect(asked('byIds')).toHaveLength(20)
  expect(driver.flights).toHaveLength(3)
})

test('100 000 loads: a bounded number of branches is begun at a time', async () => {
  let begun = 0
  let ended = 0
  let most = 0
  const branch = (id: number) =>
    program(function* () {
      begun += 1
      most = Math.max(most, begun - ended)
      yield* accounts.load(id)
      ended += 1
    })
  const { uow, driver } = record({ delay: () => Promise.resolve() })
  await uow.run(
    each(
      Array.from({ length: 100_000 }, (_, index) => index),
      branch,
    ),
  )
  expect([begun, ended]).toEqual([100_000, 100_000])
  expect(most).toBe(10_000)
  expect(driver.flights.map((flight) => flight.length)).toEqual([...Array.from({ length: 10 }, () => 10), 1])
})
