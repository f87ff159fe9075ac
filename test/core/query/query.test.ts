import { all, many, one, program, Query, type Queryable, succeed, UsageError } from '@leasehold/core'
import {
  CompiledQuery,
  Kysely,
  MysqlAdapter,
  MysqlQueryCompiler,
  DummyDriver,
  MysqlIntrospector,
  sql,
} from 'kysely'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Database, db } from '../support/accounts.ts'
import { failureOf, read, record } from '../support/unit.ts'

const foreign = new Kysely<Database>({
  dialect: {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new MysqlIntrospector(kysely),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  },
})

describe('a query is a value', () => {
  test('frozen, whatever made it', () => {
    const query = read('a')
    const derived = [query, query.map(String), query.andThen(() => query), query.named('b'), all([query])]
    for (const each of derived) expect(Object.isFrozen(each)).toBe(true)
  })

  test('no promise: awaiting it gives the query and runs nothing', async () => {
    const query = read('a')
    expect('then' in query).toBe(false)
    expect(await Promise.resolve(query)).toBe(query)
  })

  test('map, andThen and named leave the query that they are called on as it was', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 1 }] } })
    const query = read('a')
    query.map(() => 'mapped')
    query.andThen(() => read('b'))
    query.named('other')
    expect(await uow.run(query)).toEqual([{ id: 1 }])
    expect(driver.sent).toEqual(['a', 'commit'])
  })

  test('no result: who hands it to a web framework is told, and nothing of it is sent', () => {
    const query = many(db.selectFrom('accounts').selectAll().where('cents', '=', 4711)).named(
      'accounts.named',
    )
    for (const each of [query, query.map(String), query.andThen(() => query), all([query])]) {
      expect(() => JSON.stringify({ each })).toThrow(UsageError)
      expect(() => JSON.stringify({ each })).toThrow('await uow.run(query)')
    }
    expect(() => JSON.stringify(query)).toThrow(/^Query\(accounts\.named: select \* from `accounts`/)
    expect(() => JSON.stringify(query)).not.toThrow('4711')
  })

  test('shown in one line, by its label and its SQL', () => {
    const select = many(db.selectFrom('accounts').select('id').where('cents', '=', 4711))
    expect(String(select)).toBe('Query(select `id` from `accounts` where `cents` = ?)')
    expect(String(select.named('accounts.named').map(String))).toBe(
      'Query(accounts.named: select `id` from `accounts` where `cents` = ?)',
    )
    expect(inspect({ select })).toBe('{ select: Query(select `id` from `accounts` where `cents` = ?) }')
    expect(inspect(all([select]))).toBe('Query(all)')
    expect(inspect(all([select]).named('both'))).toBe('Query(both)')
    expect(inspect(many(sql`select\n  1`.compile(db)))).toBe('Query(select 1)')
  })

  test('it can be run again, and by several units', async () => {
    const query = read('a').andThen((rows) => succeed(rows.length))
    const first = record({ answers: { a: [{ id: 1 }] } })
    const second = record({ answers: { a: [{ id: 1 }, { id: 2 }] } })
    expect(await first.uow.run(query)).toBe(1)
    expect(await first.uow.run(query)).toBe(1)
    expect(await second.uow.run(query)).toBe(2)
    expect(await second.uow.run(all([query, query]))).toEqual([2, 2])
  })

  test('nothing of it runs while it is built', () => {
    const reached: string[] = []
    const query = program(function* () {
      reached.push('program')
      yield* read('a')
    })
    query
      .map(() => reached.push('map'))
      .andThen(() => {
        reached.push('andThen')
        return read('b')
      })
    expect(reached).toEqual([])
  })
})

describe('composition', () => {
  test('map applies a function to the result', async () => {
    const { uow } = record({ answers: { a: [{ id: 7 }] } })
    expect(
      await uow.run(
        read('a')
          .map(([row]) => row?.id)
          .map((id) => `no. ${id}`),
      ),
    ).toBe('no. 7')
  })

  test('what map throws fails the unit and comes out as it is', async () => {
    const { uow, driver } = record()
    const error = new Error('mine')
    const query = read('a').map(() => {
      throw error
    })
    expect(await failureOf(uow.run(all([query, read('b')]).andThen(() => read('c'))))).toBe(error)
    expect(driver.journal).toEqual(['acquire', ['a', 'b'], ['rollback'], 'release'])
  })

  test('andThen goes on with the query that depends on the result', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 7 }], b7: [{ id: 8 }] } })
    const query = read('a').andThen(([row]) => read(`b${row?.id}`).map(([next]) => [row?.id, next?.id]))
    expect(await uow.run(query)).toEqual([7, 8])
    expect(driver.journal).toEqual(['acquire', ['a'], ['b7', 'commit'], 'release'])
  })

  test('andThen, all, yield and run take a Kysely builder for its rows', async () => {
    const builder = db.selectFrom('accounts').select('id')
    const rows = [{ id: 1 }]
    const { uow } = record({ answers: { 'select `id` from `accounts`': rows } })
    const yielding = program(function* () {
      return (yield builder) as unknown
    })
    expect(await uow.run(builder)).toEqual(rows)
    expect(await uow.run(succeed(0).andThen(() => builder))).toEqual(rows)
    expect(await uow.run(all([builder, builder.compile()]))).toEqual([rows, rows])
    expect(await uow.run(yielding)).toEqual(rows)
    expect(await uow.run((q) => q(builder))).toEqual(rows)
  })

  test('a builder that is handed out can be narrowed before it is run', async () => {
    const { uow, driver } = record()
    const handedOut = db.selectFrom('accounts').select('id')
    await uow.run(handedOut.where('cents', '>', 0))
    expect(driver.sent).toEqual(['select `id` from `accounts` where `cents` > ?', 'commit'])
  })

  test('raw SQL is taken as compiled with the builder', async () => {
    const { uow, driver } = record({ answers: { 'select 1 as n': [{ n: 1 }] } })
    expect(await uow.run(one(sql<{ n: number }>`select 1 as n`.compile(db)))).toEqual({ n: 1 })
    expect(driver.sent).toContain('select 1 as n')
  })
})

describe('what is no query is refused, with a hint', () => {
  test.each([
    [
      'a builder of another Kysely',
      foreign.selectFrom('accounts').selectAll(),
      /another Kysely.*mysqlBuilder/,
    ],
    ['a function', read, /the function read: call it/],
    ['an anonymous function', (() => () => {})(), /the function \(anonymous\): call it/],
    ['a promise', Promise.resolve(read('a')), /a promise: repositories return queries/],
    ['an array', [read('a')], /an array: .*all\(/],
    ['a started generator', (function* () {})(), /an iterator: pass the generator function to program/],
    [
      'raw SQL that is not compiled',
      sql`select 1`,
      /raw SQL that is not compiled: use sql`…`\.compile\(db\)/,
    ],
    [
      'a compiled query of no Kysely',
      CompiledQuery.raw('select 1'),
      /compiled query of another Kysely.*sql`…`\.compile\(db\)/,
    ],
    ['a query of another copy of core', { '~plan': {} }, /of another copy of @leasehold\/core.*npm ls/],
    ['an object', {}, /got an object/],
    ['an object without a prototype', Object.create(null), /got an object/],
    ['a string', 'select 1', /got select 1/],
    ['nothing', undefined, /got undefined/],
    ['null', null, /got null/],
  ])('%s', async (_, nonsense, hint) => {
    const wrong = nonsense as Queryable
    const yielding = program(function* () {
      yield wrong
    })
    for (const query of [all([wrong]), succeed(0).andThen(() => wrong), yielding]) {
      const { uow, driver } = record()
      const error = await failureOf(uow.run(query))
      expect(error).toBeInstanceOf(UsageError)
      expect((error as Error).message).toMatch(hint)
      expect(driver.journal).toEqual([])
    }
    expect(await failureOf(record().uow.run((q) => q(wrong)))).toMatchObject({
      message: expect.stringMatching(hint) as unknown,
    })
  })

  test('by run itself', async () => {
    for (const nonsense of ['select 1', 1, undefined, null, {}, [read('a')], Promise.resolve(read('a'))]) {
      const error = await failureOf(record().uow.run(nonsense as Queryable))
      expect(error).toBeInstanceOf(UsageError)
    }
  })

  test('by the shapes, at the line that builds the query', () => {
    expect(() => one(foreign.selectFrom('accounts').selectAll())).toThrow(UsageError)
    expect(() => many(read('a') as never)).toThrow(UsageError)
  })
})

test('Query is exported for instanceof', () => {
  expect(read('a')).toBeInstanceOf(Query)
})
