import {
  all,
  fail,
  many,
  program,
  type Query,
  type ResultOf,
  type Results,
  type RowOf,
  succeed,
} from '@leasehold/core'
import { type DeleteResult, type InsertResult, sql, type UpdateResult } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { type Account, accounts, db, uow } from './shop.ts'

describe('a query', () => {
  test('of one result is not assignable to a query of another', () => {
    expectTypeOf<Query<string>>().not.toExtend<Query<number>>()
    expectTypeOf<Query<string | number>>().not.toExtend<Query<number>>()
    // @ts-expect-error -- Type 'string' is not assignable to type 'number'
    const wrong: Query<number> = succeed<string>('a')
    void wrong
  })

  test('of a narrower result is assignable to one of a wider', () => {
    expectTypeOf<Query<'a'>>().toExtend<Query<string>>()
    expectTypeOf<Query<never>>().toExtend<Query<number>>()
    expectTypeOf<Query<number>>().toExtend<Query<unknown>>()
  })

  test('is no promise and can not be awaited for its result', () => {
    expectTypeOf<Awaited<Query<number>>>().toEqualTypeOf<Query<number>>()
  })

  test('map, andThen and named keep and change the result', () => {
    const query = accounts.byId(1)
    expectTypeOf(query.map((account) => account.name)).toEqualTypeOf<Query<string, 'read'>>()
    expectTypeOf(query.andThen((account) => accounts.find(account.id))).toEqualTypeOf<
      Query<{ name: string } | undefined, 'read'>
    >()
    expectTypeOf(query.andThen(() => accounts.builder())).toEqualTypeOf<Query<{ id: number }[], 'read'>>()
    expectTypeOf(query.named('a')).toEqualTypeOf<Query<Account, 'read'>>()
    // @ts-expect-error -- Property 'nme' does not exist
    query.map(({ nme }) => nme as unknown)
    // @ts-expect-error -- 'string' is not assignable to 'Queryable'
    query.andThen((account) => account.name)
    // @ts-expect-error -- a promise is no query
    query.andThen(() => Promise.resolve(query))
  })
})

describe('shapes take their types from the Database', () => {
  test('rows', () => {
    expectTypeOf(accounts.byId(1)).toEqualTypeOf<Query<Account, 'read'>>()
    expectTypeOf(accounts.find(1)).toEqualTypeOf<Query<{ name: string } | undefined, 'read'>>()
    expectTypeOf(accounts.list()).toEqualTypeOf<Query<{ id: number; name: string }[], 'read'>>()
    expectTypeOf(many(sql<{ n: number }>`select 1 as n`.compile(db))).toEqualTypeOf<
      Query<{ n: number }[], 'write'>
    >()
  })

  test('counts and keys', () => {
    expectTypeOf(accounts.freeze(1)).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(accounts.open('Ann')).toEqualTypeOf<Query<number, 'write'>>()
  })

  test('what is no builder is refused', () => {
    // @ts-expect-error -- a string is no builder
    many('select 1')
    // @ts-expect-error -- a query is no builder
    many(accounts.list())
    // @ts-expect-error -- raw SQL has to be compiled with the builder
    many(sql`select 1`)
  })
})

test('ResultOf and RowOf', () => {
  const select = db.selectFrom('accounts').select('id')
  expectTypeOf<ResultOf<Query<'a'>>>().toEqualTypeOf<'a'>()
  expectTypeOf<ResultOf<typeof select>>().toEqualTypeOf<{ id: number }[]>()
  expectTypeOf<RowOf<typeof select>>().toEqualTypeOf<{ id: number }>()
  const insert = db.insertInto('entries').values({ account: 1, cents: 1 })
  expectTypeOf<ResultOf<typeof insert>>().toEqualTypeOf<InsertResult[]>()
  const update = db.updateTable('entries').set({ cents: 1 })
  expectTypeOf<ResultOf<typeof update>>().toEqualTypeOf<UpdateResult[]>()
  const remove = db.deleteFrom('entries')
  expectTypeOf<ResultOf<typeof remove>>().toEqualTypeOf<DeleteResult[]>()
  expectTypeOf<ResultOf<string>>().toEqualTypeOf<never>()
})

describe('all', () => {
  test('gives a mutable tuple of a list', () => {
    const query = all([accounts.byId(1), accounts.freeze(1), accounts.builder()])
    expectTypeOf(query).toEqualTypeOf<Query<[Account, number, { id: number }[]]>>()
    expectTypeOf(all([])).toEqualTypeOf<Query<[], never>>()
  })

  test('gives a mutable record of a record', () => {
    const query = all({ account: accounts.byId(1), freeze: accounts.freeze(1), rows: accounts.builder() })
    expectTypeOf(query).toEqualTypeOf<Query<{ account: Account; freeze: number; rows: { id: number }[] }>>()
  })

  test('gives an array of an array of unknown length', () => {
    const ids: readonly number[] = [1, 2]
    expectTypeOf(all(ids.map((id) => accounts.byId(id)))).toEqualTypeOf<Query<Account[], 'read'>>()
  })

  test('nests', () => {
    const query = all([all([accounts.freeze(1)]), all({ a: accounts.find(1) })])
    expectTypeOf(query).toEqualTypeOf<Query<[[number], { a: { name: string } | undefined }]>>()
    expectTypeOf<Results<readonly [Query<1>, Query<2>]>>().toEqualTypeOf<[1, 2]>()
  })

  test('refuses what is no query', () => {
    // @ts-expect-error -- a string is no list of queries
    all('ab')
    // @ts-expect-error -- a promise of a list is no list
    all(Promise.resolve([accounts.byId(1)]))
    // @ts-expect-error -- an element is a promise
    all([Promise.resolve(accounts.byId(1))])
    // @ts-expect-error -- an element is a function that was not called
    all([accounts.byId])
    // @ts-expect-error -- a value of the record is a string
    all({ a: 'select 1' })
    // @ts-expect-error -- a query is no list of queries
    all(accounts.byId(1))
  })
})

describe('a program', () => {
  const renamed = program(function* () {
    const account = yield* accounts.byId(1)
    expectTypeOf(account).toEqualTypeOf<Account>()
    const [found, id] = yield* all([accounts.find(account.id), accounts.open('Ann')])
    expectTypeOf(found).toEqualTypeOf<{ name: string } | undefined>()
    expectTypeOf(id).toEqualTypeOf<number>()
    if (account.frozen === true) yield* fail(new Error('frozen'))
    return { name: account.name, id }
  })

  test('takes its result from return', () => {
    expectTypeOf(renamed).toEqualTypeOf<Query<{ name: string; id: number }>>()
    expectTypeOf(uow.run(renamed)).toEqualTypeOf<Promise<{ name: string; id: number }>>()
  })

  test('without a return gives nothing', () => {
    const query = program(function* () {
      yield* accounts.freeze(1)
    })
    expectTypeOf(query).toEqualTypeOf<Query<void, 'write'>>()
  })

  test('fail narrows', () => {
    const query = program(function* () {
      const account = yield* accounts.find(1)
      if (account === undefined) return yield* fail(new Error('none'))
      expectTypeOf(account).toEqualTypeOf<{ name: string }>()
      return account
    })
    expectTypeOf(query).toEqualTypeOf<Query<{ name: string }, 'read'>>()
    expectTypeOf(fail(new Error('none'))).toEqualTypeOf<Query<never, 'read'>>()
  })

  test('refuses what is no generator function or yields what is no query', () => {
    // @ts-expect-error -- an async function
    program(async () => Promise.resolve(1))
    // @ts-expect-error -- a function that returns a query
    program(() => accounts.byId(1))
    // @ts-expect-error -- a string is yielded
    program(function* () {
      yield 'select 1'
    })
    // @ts-expect-error -- a promise is yielded
    program(function* () {
      yield Promise.resolve(accounts.byId(1))
    })
    // @ts-expect-error -- an async generator function
    program(async function* () {
      yield accounts.byId(1)
      await Promise.resolve()
    })
  })
})

test('a repository keeps the types of its functions, and is read only', () => {
  expectTypeOf(accounts.byId).toEqualTypeOf<(id: number) => Query<Account, 'read'>>()
  // @ts-expect-error -- 'id' is a number
  accounts.byId('1')
  // @ts-expect-error -- read only
  accounts.byId = (id: number) => accounts.byId(id)
  expectTypeOf(accounts.builder().where('name', '=', 'Ann')).toExtend<ReturnType<typeof accounts.builder>>()
})
