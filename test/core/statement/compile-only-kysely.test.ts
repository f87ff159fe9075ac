import { composer, many, one, UsageError } from '@leasehold/core'
import {
  CamelCasePlugin,
  type KyselyPlugin,
  MysqlAdapter,
  MysqlQueryCompiler,
  ParseJSONResultsPlugin,
  sql,
  WithSchemaPlugin,
} from 'kysely'
import { describe, expect, test } from 'vitest'
import { builder, type Database, db } from '../support/accounts.ts'
import type { Reply } from '@leasehold/core/testing'
import { failureOf, record } from '../support/unit.ts'

/** Adds its mark to the names that a result carries, and so shows the order in which plugins are applied. */
function marking(mark: string): KyselyPlugin {
  return {
    transformQuery: ({ node }) => node,
    transformResult: ({ result }) =>
      Promise.resolve({
        ...result,
        rows: result.rows.map((row) => ({ ...row, ownerName: `${String(row['ownerName'])}${mark}` })),
      }),
  }
}

const always = (reply: Reply): { answers: Record<string, Reply> } => ({ answers: { it: reply } })

describe('a builder that composes', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['execute', () => db.selectFrom('accounts').selectAll().execute()],
    ['executeTakeFirst', () => db.deleteFrom('accounts').executeTakeFirst()],
    ['executeQuery', () => db.executeQuery(db.selectFrom('accounts').selectAll().compile())],
    ['stream', () => db.selectFrom('accounts').selectAll().stream().next()],
    ['explain', () => db.selectFrom('accounts').selectAll().explain()],
    ['raw SQL', () => sql`select 1`.execute(db)],
    ['DDL', () => db.schema.dropTable('accounts').execute()],
    ['transaction', () => db.transaction().execute(() => Promise.resolve())],
    ['startTransaction', () => db.startTransaction().execute()],
    ['connection', () => db.connection().execute(() => Promise.resolve())],
    ['introspection', async () => db.introspection.getTables()],
  ])('can not execute: %s', async (_, execute) => {
    const error = await failureOf(execute())
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(/uow\.run\(builder\)/)
  })

  test('can not execute when derived, either', async () => {
    for (const derived of [db.withPlugin(marking('')), db.withoutPlugins(), db.withSchema('s')]) {
      expect(await failureOf(derived.selectFrom('accounts').selectAll().execute())).toBeInstanceOf(UsageError)
    }
  })
})

describe('plugins', () => {
  test('change queries and results: CamelCasePlugin', async () => {
    const camel = builder(new CamelCasePlugin())
    const { uow, driver } = record(always([{ id: 1, owner_name: 'Ann' }]))
    const query = one(camel.selectFrom('accounts').select(['id', 'ownerName']))
    expect(await uow.run(query.named('it'))).toEqual({ id: 1, ownerName: 'Ann' })
    const [command] = driver.flights[0] ?? []
    expect(command).toMatchObject({ statement: { sql: 'select `id`, `owner_name` from `accounts`' } })
  })

  test('change results: ParseJSONResultsPlugin', async () => {
    const json = builder(new ParseJSONResultsPlugin())
    const { uow } = record(always([{ ownerName: '{"first":"Ann"}' }]))
    const query = many(json.selectFrom('accounts').select('ownerName'))
    expect(await uow.run(query.named('it'))).toEqual([{ ownerName: { first: 'Ann' } }])
  })

  test('change queries: withSchema and WithSchemaPlugin', async () => {
    const { uow, driver } = record()
    await uow.run(db.withSchema('archive').selectFrom('accounts').select('id'))
    await uow.run(builder(new WithSchemaPlugin('old')).selectFrom('accounts').select('id'))
    await uow.run(builder(new CamelCasePlugin()).withSchema('oldBank').selectFrom('accounts').select('id'))
    expect(driver.sent.filter((name) => name !== 'commit')).toEqual([
      'select `id` from `archive`.`accounts`',
      'select `id` from `old`.`accounts`',
      // As in Kysely, the schema comes first, and other plugins get to see it.
      'select `id` from `old_bank`.`accounts`',
    ])
  })

  test('apply when given to a derived builder, and to nothing else', async () => {
    const derived = db.withPlugin(new CamelCasePlugin())
    const rows = [{ owner_name: 'Ann' }]
    const select = (from: typeof db) => many(from.selectFrom('accounts').select('ownerName')).named('it')
    expect(await record(always(rows)).uow.run(select(derived))).toEqual([{ ownerName: 'Ann' }])
    expect(await record(always(rows)).uow.run(select(db))).toEqual(rows)
    expect(await record(always(rows)).uow.run(select(derived.withoutPlugins()))).toEqual(rows)
  })

  test('apply when given to a single query, and to raw SQL', async () => {
    const query = many(db.selectFrom('accounts').select('ownerName').withPlugin(marking('!')))
    const raw = many(sql`select 1`.compile(db.withPlugin(marking('?'))))
    const rows = [{ ownerName: 'Ann' }]
    expect(await record(always(rows)).uow.run(query.named('it'))).toEqual([{ ownerName: 'Ann!' }])
    expect(await record(always(rows)).uow.run(raw.named('it'))).toEqual([{ ownerName: 'Ann?' }])
  })

  test('apply in their order, to each result of each run', async () => {
    const query = many(
      builder(marking('1'), marking('2')).withPlugin(marking('3')).selectFrom('accounts').selectAll(),
    )
    const { uow } = record(always([{ ownerName: 'Ann' }]))
    const expected = [{ ownerName: 'Ann123' }]
    expect(await uow.run(query.named('it'))).toEqual(expected)
    expect(await uow.run((q) => q.all([query.named('it'), query.named('it')]))).toEqual([expected, expected])
  })

  test('given to composer are those given to the builder', async () => {
    const options = {
      adapter: new MysqlAdapter(),
      queryCompiler: new MysqlQueryCompiler(),
      plugins: [marking('!')],
    }
    const query = one(composer<Database>(options).selectFrom('accounts').selectAll())
    expect(await record(always([{ ownerName: 'Ann' }])).uow.run(query.named('it'))).toEqual({
      ownerName: 'Ann!',
    })
  })

  test('that throw on a result fail the unit', async () => {
    const error = new Error('plugin')
    const failing: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: () => Promise.reject(error),
    }
    const { uow, driver } = record(always([{ id: 1 }]))
    const insert = builder(failing)
      .insertInto('accounts')
      .values({ ownerName: 'Ann', cents: 1 })
      .returningAll()
    expect(await failureOf(uow.run(many(insert).named('it')))).toBe(error)
    expect(driver.journal).toEqual(['acquire', ['it'], ['rollback'], 'release'])
  })
})
