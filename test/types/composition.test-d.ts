import {
  affected,
  belongsTo,
  collect,
  each,
  hasMany,
  hasOne,
  loader,
  type Loader,
  many,
  type Query,
  type ResultOf,
  succeed,
} from '@leasehold/core'
import { sql } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { type Account, accounts, db, uow } from './shop.ts'

interface Entry {
  id: number
  account: number
  cents: number
}

const accountsByIds = (ids: readonly number[]) =>
  many(db.selectFrom('accounts').selectAll().where('id', 'in', ids))
const accountsByNames = (names: readonly string[]) =>
  many(db.selectFrom('accounts').selectAll().where('name', 'in', names))
const entriesByAccounts = (ids: readonly number[]) =>
  many(db.selectFrom('entries').selectAll().where('account', 'in', ids))

describe('each', () => {
  test('gives the results, and joins the access', () => {
    expectTypeOf(each([1, 2], (id) => accounts.byId(id))).toEqualTypeOf<Query<Account[], 'read'>>()
    expectTypeOf(each(['a'] as const, (name, index) => accounts.open(`${name}${index}`))).toEqualTypeOf<
      Query<number[], 'write'>
    >()
    expectTypeOf(each([1], () => accounts.builder())).toEqualTypeOf<Query<{ id: number }[][], 'read'>>()
    expectTypeOf(each([1], (id) => (id > 1 ? accounts.freeze(id) : succeed('none')))).toEqualTypeOf<
      Query<(number | 'none')[]>
    >()
  })

  test('refuses what makes no query', () => {
    // @ts-expect-error -- a promise is no query
    each([1], (id) => Promise.resolve(accounts.byId(id)))
    // @ts-expect-error -- a string is no array
    each('ab', () => accounts.list())
    // @ts-expect-error -- Argument of type 'string' is not assignable to parameter of type 'number'
    each(['a'], (name) => accounts.byId(name))
  })
})

describe('collect', () => {
  test('gives its shape', () => {
    const query = collect({ page: 1, all: [accounts.list(), { ids: accounts.builder() }], at: new Date() })
    expectTypeOf(query).toEqualTypeOf<
      Query<{ page: 1; all: [{ id: number; name: string }[], { ids: { id: number }[] }]; at: Date }, 'read'>
    >()
    expectTypeOf(collect([accounts.freeze(1), [accounts.list()]]).map(() => 1)).toEqualTypeOf<Query<number>>()
    expectTypeOf(collect({ a: 1 }).map(() => 1)).toEqualTypeOf<Query<number, never>>()
  })

  test('refuses what is no query and no plain value', () => {
    // @ts-expect-error -- a function that was not called
    collect({ list: accounts.list })
    // @ts-expect-error -- a promise
    collect({ nested: [{ list: Promise.resolve(1) }] })
    // @ts-expect-error -- one value is no shape
    collect('a')
  })
})

describe('a loader', () => {
  test('takes its rows from the fetch and its keys from the rows', () => {
    const byId = loader(
      (ids) => many(db.selectFrom('accounts').selectAll().where('id', 'in', ids)),
      (row) => row.id,
    )
    expectTypeOf(byId.load(1)).toEqualTypeOf<Query<Account | undefined, 'read'>>()
    expectTypeOf(byId.loadMany(1)).toEqualTypeOf<Query<Account[], 'read'>>()
    const ofBuilder = loader(
      (ids) => accounts.builder().where('id', 'in', ids),
      ({ id }) => id,
    )
    expectTypeOf(ofBuilder.load(1)).toEqualTypeOf<Query<{ id: number } | undefined, 'read'>>()
    // @ts-expect-error -- Argument of type 'string' is not assignable to parameter of type 'number'
    byId.load('1')
  })

  test('has keys that are not null, of several columns if need be', () => {
    const byFrozen = loader(accountsByIds, (row) => (row.frozen === null ? null : row.id))
    expectTypeOf(byFrozen).toEqualTypeOf<Loader<number, Account, 'read'>>()
    // @ts-expect-error -- null equals nothing
    byFrozen.load(null)
    const byPair = loader(
      (pairs: readonly { account: number; cents: number }[]) =>
        many(
          db
            .selectFrom('entries')
            .selectAll()
            .where(
              'cents',
              'in',
              pairs.map(({ cents }) => cents),
            ),
        ),
      ({ account, cents }) => ({ account, cents }),
    )
    expectTypeOf(byPair.load({ account: 1, cents: 2 })).toEqualTypeOf<Query<Entry | undefined, 'read'>>()
    // @ts-expect-error -- Property 'cents' is missing
    byPair.load({ account: 1 })
  })

  test('asks for the access of its fetch', () => {
    const writing = loader(
      () => many(sql<{ id: number }>`call f()`.compile(db)),
      ({ id }) => id,
    )
    expectTypeOf(writing.load(1)).toEqualTypeOf<Query<{ id: number } | undefined, 'write'>>()
    // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
    void uow.read(writing.load(1))
  })

  test('refuses keys that the fetch does not take, and what gives no rows', () => {
    // @ts-expect-error -- Type 'number' is not assignable to type 'string'
    loader(accountsByNames, (row) => row.id)
    // @ts-expect-error -- Property 'nme' does not exist
    loader(accountsByIds, (row) => row.nme as number)
    const promised = (ids: readonly number[]) => Promise.resolve(ids)
    // @ts-expect-error -- a promise is no query
    loader(promised, (id) => id)
    const counted = () => accounts.freeze(1)
    // @ts-expect-error -- a number is no list of rows
    loader(counted, (row) => row)
  })
})

describe('with', () => {
  const entries = hasMany(entriesByAccounts, { from: 'id', to: 'account' })
  const entry = hasOne(entriesByAccounts, { from: 'id', to: 'account' })
  const account = belongsTo(accountsByIds, { from: 'account', to: 'id' })

  test('nests lists, and rows', () => {
    const query = accounts.list().with({ entries, entry })
    expectTypeOf(query).toEqualTypeOf<
      Query<{ id: number; name: string; entries: Entry[]; entry: Entry | null }[], 'read'>
    >()
  })

  test('gives null for a reference that may be null, and never for another', () => {
    const rows = succeed<{ account: number | null; other: number }[]>([])
    const other = belongsTo(accountsByIds, { from: 'other', to: 'id' })
    const nested = rows.with({ owner: account, other })
    expectTypeOf<ResultOf<typeof nested>>().toEqualTypeOf<
      { account: number | null; owner: Account | null; other: Account }[]
    >()
  })

  test('takes rows, a row, and at most one', () => {
    expectTypeOf(accounts.byId(1).with({ entries })).toEqualTypeOf<
      Query<{ id: number; name: string; frozen: boolean | null; opened: Date; entries: Entry[] }, 'read'>
    >()
    const found = accounts.list().map((rows) => rows[0])
    expectTypeOf(found.with({ entries })).toEqualTypeOf<
      Query<{ id: number; name: string; entries: Entry[] } | undefined, 'read'>
    >()
    expectTypeOf(accounts.list().with({})).toEqualTypeOf<Query<{ id: number; name: string }[], 'read'>>()
  })

  test('nests to any depth', () => {
    const query = accounts.list().with({
      entries: entries.with({
        account: account.with({ entries }),
        entry: hasOne(entriesByAccounts, { from: 'id', to: 'id' }),
      }),
    })
    const inner = query.map((rows) => rows[0]?.entries[0])
    expectTypeOf(inner).toEqualTypeOf<
      Query<
        | {
            id: number
            account: { id: number; name: string; frozen: boolean | null; opened: Date; entries: Entry[] }
            cents: number
            entry: Entry | null
          }
        | undefined,
        'read'
      >
    >()
  })

  test('joins the access', () => {
    const writing = hasMany(
      (ids: readonly number[]) => db.deleteFrom('entries').where('account', 'in', ids).returningAll(),
      {
        from: 'id',
        to: 'account',
      },
    )
    expectTypeOf(
      accounts
        .list()
        .with({ writing })
        .map(() => 1),
    ).toEqualTypeOf<Query<number>>()
    expectTypeOf(
      accounts
        .list()
        .with({ entries: entries.with({ w: writing }) })
        .map(() => 1),
    ).toEqualTypeOf<Query<number>>()
  })

  test('refuses columns that are not there, or of another type', () => {
    // @ts-expect-error -- Property 'account' is missing in type '{ id: number; name: string; }'
    accounts.list().with({ account })
    // @ts-expect-error -- Type 'string' is not assignable to type 'number'
    accounts.list().with({ entries: hasMany(entriesByAccounts, { from: 'name', to: 'account' }) })
    // @ts-expect-error -- Type '"acount"' is not assignable to type '"account" | "cents" | "id"'
    hasMany(entriesByAccounts, { from: 'id', to: 'acount' })
    // @ts-expect-error -- Type 'number' is not assignable to type 'string'
    hasMany(accountsByNames, { from: 'id', to: 'id' })
    // @ts-expect-error -- Property 'account' is missing
    accounts.list().with({ entries: hasMany(accountsByIds, { from: 'id', to: 'id' }).with({ account }) })
  })

  test('refuses what is no relation, and queries of no rows', () => {
    // @ts-expect-error -- a query is no relation
    accounts.list().with({ entries: accounts.list() })
    // @ts-expect-error -- a number is no row
    affected(db.deleteFrom('entries')).with({ entries })
    // @ts-expect-error -- a number is no list of rows
    hasMany(() => accounts.freeze(1), { from: 'id', to: 'id' })
  })
})
