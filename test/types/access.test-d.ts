import {
  type Access,
  type AccessOf,
  affected,
  afterCommit,
  afterRollback,
  all,
  attempt,
  defineRepository,
  type Executor,
  fail,
  inserted,
  many,
  maybeOne,
  one,
  program,
  type Query,
  type Queryable,
  recover,
  type SelectBuilder,
  succeed,
} from '@leasehold/core'
import { sql } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { accounts, db, uow } from './shop.ts'

const select = db.selectFrom('entries').select('id')
const insert = db.insertInto('entries').values({ account: 1, cents: 1 })
const update = db.updateTable('entries').set({ cents: 1 })
const remove = db.deleteFrom('entries')
const merge = db
  .mergeInto('entries')
  .using('accounts', 'accounts.id', 'entries.account')
  .whenMatched()
  .thenDelete()
const read = many(select)
const write = affected(update)

test('what reads has no affected rows, and no generated key', () => {
  // @ts-expect-error -- a select
  expectTypeOf(affected(select)).toEqualTypeOf<Query<number, 'write'>>()
  // @ts-expect-error -- a select
  expectTypeOf(inserted(select)).toEqualTypeOf<Query<number, 'write'>>()
})

describe('the access of a builder', () => {
  test('is read for every kind of select', () => {
    expectTypeOf<AccessOf<typeof select>>().toEqualTypeOf<'read'>()
    const joined = db.selectFrom('entries').innerJoin('accounts', 'accounts.id', 'entries.account')
    const union = select.union(db.selectFrom('accounts').select('id'))
    const behindCte = db.with('c', (e) => e.selectFrom('entries').select('id')).selectFrom('c')
    expectTypeOf<AccessOf<typeof joined>>().toEqualTypeOf<'read'>()
    expectTypeOf<AccessOf<typeof union>>().toEqualTypeOf<'read'>()
    expectTypeOf<AccessOf<typeof behindCte>>().toEqualTypeOf<'read'>()
    expectTypeOf(select).toExtend<SelectBuilder>()
  })

  test('is write for what writes, and for what nobody knows', () => {
    const raw = sql<{ n: number }>`select 1 as n`.compile(db)
    const ddl = db.schema.dropTable('entries')
    const compiled = select.compile()
    expectTypeOf<AccessOf<typeof insert>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof update>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof remove>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof merge>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof raw>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof ddl>>().toEqualTypeOf<'write'>()
    expectTypeOf<AccessOf<typeof compiled>>().toEqualTypeOf<'write'>()
    expectTypeOf(update).not.toExtend<SelectBuilder>()
  })

  test('passes through shapes', () => {
    expectTypeOf(one(select)).toEqualTypeOf<Query<{ id: number }, 'read'>>()
    expectTypeOf(maybeOne(select)).toEqualTypeOf<Query<{ id: number } | undefined, 'read'>>()
    expectTypeOf(many(remove.returning('id'))).toEqualTypeOf<Query<{ id: number }[], 'write'>>()
    expectTypeOf(affected(remove)).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(inserted(insert)).toEqualTypeOf<Query<number, 'write'>>()
  })
})

describe('the access of a query', () => {
  test('is either where the type does not tell', () => {
    expectTypeOf<Query<number, 'read'>>().toExtend<Query<number>>()
    expectTypeOf<Query<number, 'write'>>().toExtend<Query<number>>()
    expectTypeOf<Query<number>>().not.toExtend<Query<number, 'read'>>()
    expectTypeOf<Query<number>>().not.toExtend<Query<number, 'write'>>()
    expectTypeOf<Query<number, 'write'>>().not.toExtend<Query<number, 'read'>>()
    expectTypeOf<AccessOf<Query<number>>>().toEqualTypeOf<Access>()
    // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
    const wrong: Query<number, 'read'> = write
    void wrong
  })

  test('is kept by map and named, and joined by andThen', () => {
    expectTypeOf<AccessOf<typeof read>>().toEqualTypeOf<'read'>()
    expectTypeOf(write.map(String).named('a')).toEqualTypeOf<Query<string, 'write'>>()
    expectTypeOf(read.andThen(() => select)).toEqualTypeOf<Query<{ id: number }[], 'read'>>()
    expectTypeOf(read.andThen(() => write)).toEqualTypeOf<Query<number>>()
    expectTypeOf(write.andThen(() => update).map(() => 1)).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(read.andThen((rows) => (rows.length > 0 ? read : write))).toEqualTypeOf<
      Query<number | { id: number }[]>
    >()
  })

  test('is the union of what all is given', () => {
    expectTypeOf(all([read, select])).toEqualTypeOf<Query<[{ id: number }[], { id: number }[]], 'read'>>()
    expectTypeOf(all({ read, write })).toEqualTypeOf<Query<{ read: { id: number }[]; write: number }>>()
    expectTypeOf(all([write, update]).map(() => 1)).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(all([1, 2].map(() => read))).toEqualTypeOf<Query<{ id: number }[][], 'read'>>()
    expectTypeOf(all([]).map(() => 1)).toEqualTypeOf<Query<number, never>>()
  })

  test('is the union of what a program yields', () => {
    const reading = program(function* () {
      const [{ id } = { id: 0 }] = yield* read
      const account = yield* accounts.find(id)
      if (account === undefined) return yield* fail(new Error('none'))
      yield* afterCommit(() => {})
      yield select
      return account.name
    })
    expectTypeOf(reading).toEqualTypeOf<Query<string, 'read'>>()
    const writing = program(function* () {
      yield* reading
      return yield* write
    })
    expectTypeOf(writing).toEqualTypeOf<Query<number>>()
    const yieldingBuilder = program(function* () {
      yield update
    })
    expectTypeOf(yieldingBuilder).toEqualTypeOf<Query<void, 'write'>>()
  })

  test('is either for a program of a generator that does not tell', () => {
    function* steps(): Generator<Queryable, number> {
      yield read
      return 1
    }
    expectTypeOf(program(steps)).toEqualTypeOf<Query<number>>()
  })

  test('is read for what runs nothing', () => {
    expectTypeOf(succeed('a')).toEqualTypeOf<Query<'a', 'read'>>()
    expectTypeOf(fail(new Error('a'))).toEqualTypeOf<Query<never, 'read'>>()
    expectTypeOf(afterCommit(() => {})).toEqualTypeOf<Query<void, 'read'>>()
    expectTypeOf(afterRollback(() => {})).toEqualTypeOf<Query<void, 'read'>>()
  })

  test('passes through attempts', () => {
    expectTypeOf(attempt(write).map(() => 1)).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(recover(read, () => succeed('none'))).toEqualTypeOf<
      Query<'none' | { id: number }[], 'read'>
    >()
    expectTypeOf(recover(write, () => read)).toEqualTypeOf<Query<number | { id: number }[]>>()
  })

  test('passes through repositories', () => {
    const entries = defineRepository('entries', { list: () => read, clear: () => affected(remove) })
    expectTypeOf(entries.list).toEqualTypeOf<() => Query<{ id: number }[], 'read'>>()
    expectTypeOf(entries.clear).toEqualTypeOf<() => Query<number, 'write'>>()
  })

  test('is known to functions that are generic in it', () => {
    const logged = <T, A extends Access>(query: Query<T, A>): Query<T, A> => query.named('logged')
    expectTypeOf(logged(read)).toEqualTypeOf<Query<{ id: number }[], 'read'>>()
    expectTypeOf(logged(write)).toEqualTypeOf<Query<number, 'write'>>()
  })
})

describe('read', () => {
  const query: Query<number> = read.map((rows) => rows.length)

  test('takes what only reads', () => {
    expectTypeOf(uow.read(read)).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(uow.read(select)).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(uow.read(all({ read, select }))).toEqualTypeOf<
      Promise<{ read: { id: number }[]; select: { id: number }[] }>
    >()
    expectTypeOf(uow.read(all([]))).toEqualTypeOf<Promise<[]>>()
    void uow.read(async (q) => {
      expectTypeOf(q).toEqualTypeOf<Executor<'read'>>()
      expectTypeOf(await q(read)).toEqualTypeOf<{ id: number }[]>()
      expectTypeOf(await q(select)).toEqualTypeOf<{ id: number }[]>()
      expectTypeOf(await q.all([read, select])).toEqualTypeOf<[{ id: number }[], { id: number }[]]>()
    })
  })

  test('refuses what writes, and what the type does not tell', () => {
    // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
    void uow.read(write)
    // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
    void uow.read(all([read, write]))
    // @ts-expect-error -- Type 'Access' is not assignable to type '"read"'
    void uow.read(query)
    // @ts-expect-error -- a builder that writes
    void uow.read(update)
    // @ts-expect-error -- raw SQL
    void uow.read(sql`select 1`.compile(db))
    // @ts-expect-error -- an outcome key is written
    void uow.read(read, { outcomeKey: 'a' })
    // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
    const program_: Query<void, 'read'> = program(function* () {
      yield* write
    })
    void program_
  })

  test('gives its body a q that refuses it, too', () => {
    void uow.read(async (q) => {
      // @ts-expect-error -- Type '"write"' is not assignable to type '"read"'
      await q(write)
      // @ts-expect-error -- Type 'Access' is not assignable to type '"read"'
      await q(query)
      // @ts-expect-error -- a builder that writes
      await q(update)
      // @ts-expect-error -- one of them writes
      await q.all([read, write])
      // @ts-expect-error -- one of them writes
      await q.all({ read, write })
    })
  })

  test('a function of a reading executor works in run, not the other way round', () => {
    const reading = async (q: Executor<'read'>) => (await q(read)).length
    const writing = (q: Executor) => q(write)
    expectTypeOf(uow.read(reading)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(uow.run(reading)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(uow.run(writing)).toEqualTypeOf<Promise<number>>()
    // @ts-expect-error -- it may write
    void uow.read(writing)
  })
})
