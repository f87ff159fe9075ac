import { tracingChannel } from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  affected,
  all,
  attempt,
  createUnitOfWork,
  each,
  fail,
  type FlightEvent,
  hasMany,
  hasOne,
  loader,
  many,
  program,
  type Query,
  type ResultOf,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase, type TestDatabase } from '@leasehold/test-support/database'
import { Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, inject, test } from 'vitest'
import { byBody, byHand, byProgram, byRelations, type Shop } from '../support/order-page.ts'

interface Database extends Shop {
  tags: { name: string }
  item_tags: { item_id: number; tag: string }
}

const db = mysqlBuilder<Database>()
const flights = tracingChannel<unknown, FlightEvent>('leasehold:flight')

let database: TestDatabase
let uow: UnitOfWork
/** Labels of what was sent, flight by flight. */
let sent: string[][] = []

const record = (message: unknown): void => {
  sent.push((message as FlightEvent).commands.map(({ label, sql, type }) => label ?? sql ?? type))
}

beforeAll(async () => {
  database = await createDatabase(inject('server'))
  uow = createUnitOfWork({ driver: mysqlDriver({ uri: database.uri }) })
  const connection = await createConnection({ uri: database.uri, multipleStatements: true })
  await connection.query(`
    create table customers (id int primary key, name varchar(50) not null);
    create table items (id int primary key, name varchar(50) not null, cents int not null);
    create table orders (id int primary key, customer_id int not null, status varchar(10) not null);
    create table order_lines (
      id int primary key auto_increment, order_id int not null, item_id int not null, quantity int not null,
      index (order_id)
    );
    create table tags (name varchar(20) primary key);
    create table item_tags (item_id int not null, tag varchar(20) not null, primary key (item_id, tag));
    insert into tags values ('new'), ('red'), ('rare');
    insert into item_tags values (1, 'new'), (1, 'red'), (2, 'red');
  `)
  const numbers = Array.from({ length: 120 }, (_, index) => index + 1)
  await connection.query('insert into customers values ?', [
    numbers.slice(0, 20).map((id) => [id, `customer ${id}`]),
  ])
  await connection.query('insert into items values ?', [
    numbers.slice(0, 30).map((id) => [id, `item ${id}`, id]),
  ])
  await connection.query('insert into orders values ?', [numbers.map((id) => [id, (id % 20) + 1, 'open'])])
  const lines = numbers.flatMap((id) =>
    Array.from({ length: id % 5 }, (_, line) => [id, ((id + line) % 30) + 1, line]),
  )
  await connection.query('insert into order_lines (order_id, item_id, quantity) values ?', [lines])
  await connection.end()
  flights.start.subscribe(record)
})

beforeEach(() => {
  sent = []
})

afterAll(async () => {
  flights.start.unsubscribe(record)
  await uow.close()
  await database.drop()
})

describe('docs/composition.md: a page of 50 orders with customer, lines and items', () => {
  type Page = ResultOf<ReturnType<typeof byRelations>>

  interface Cost {
    readonly lines: number
    readonly statements: number
    readonly trips: number
  }

  interface Line {
    id: number
    order_id: number
    item_id: number
    quantity: number
    item: { id: number; name: string; cents: number }
  }

  /** Runs the page by hand, as Kysely's documentation has it, and counts what mysql2 sends one by one. */
  async function byKysely(page: number): Promise<{ result: unknown; roundTrips: number }> {
    let roundTrips = 0
    const pool = createPool({ uri: database.uri })
    const kysely = new Kysely<Shop>({
      dialect: new MysqlDialect({ pool }),
      log: () => void (roundTrips += 1),
    })
    try {
      const result = await kysely.transaction().execute((trx) => byHand(trx, page))
      return { result, roundTrips }
    } finally {
      await kysely.destroy()
    }
  }

  async function documented(): Promise<ReadonlyMap<string, Cost>> {
    const text = await readFile(resolve(import.meta.dirname, '../../../docs/composition.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `(\w+)` *\| *(\d+) *\| *(\d+) *\| *(\d+) *\|/gm)]
    return new Map(
      rows.map(([, name = '', lines, statements, trips]) => [
        name,
        { lines: Number(lines), statements: Number(statements), trips: Number(trips) },
      ]),
    )
  }

  /** Lines of a function, up to the first blank one, and of the definitions above it. */
  async function linesOf(name: string): Promise<number> {
    const source = await readFile(resolve(import.meta.dirname, '../support/order-page.ts'), 'utf8')
    const blocks = source.trim().split('\n\n')
    const index = blocks.findIndex((block) =>
      new RegExp(`^export (?:async )?(?:const|function) ${name}\\b`).test(block),
    )
    const definitions = {
      byRelations: 'const customer = ',
      byProgram: 'const customerById',
      byBody: 'const customerById',
    }[name]
    const own = [blocks[index], definitions && blocks.find((block) => block.startsWith(definitions))]
    return own.join('\n').trim().split('\n').length
  }

  test('has the types that nobody wrote', () => {
    expectTypeOf<Page[number]>().toEqualTypeOf<{
      id: number
      customer_id: number
      status: string
      customer: { id: number; name: string }
      lines: Line[]
    }>()
    expectTypeOf<ResultOf<ReturnType<typeof byProgram>>[number]['lines'][number]['item']>().toEqualTypeOf<
      Line['item'] | undefined
    >()
  })

  test.each([0, 1, 2, 3])('page %i is the same, whichever way it is written', async (page) => {
    const { result } = await byKysely(page)
    expect(await uow.read(byRelations(page))).toEqual(result)
    expect(await uow.read(byProgram(page))).toEqual(result)
    expect(await uow.read(byBody(page))).toEqual(result)
    expect(result).toHaveLength([50, 50, 20, 0][page] ?? -1)
  })

  test('takes the lines, statements and round trips that the document says', async () => {
    const table = await documented()
    const count = async (run: () => Promise<unknown>) => {
      sent = []
      await run()
      const statements = sent.flat().filter((name) => name.includes('.')).length
      return { statements, trips: sent.length }
    }
    const pages = {
      byRelations: () => uow.run(byRelations(0)),
      byProgram: () => uow.run(byProgram(0)),
      byBody: () => uow.run(byBody(0)),
    }
    const measured = new Map<string, Cost>()
    for (const [name, run] of Object.entries(pages)) {
      measured.set(name, { lines: await linesOf(name), ...(await count(run)) })
    }
    const { roundTrips } = await byKysely(0)
    // BEGIN and COMMIT are none.
    const statements = roundTrips - 2
    measured.set('byHand', { lines: await linesOf('byHand'), statements, trips: roundTrips })
    expect(measured).toEqual(table)
    expect(table.get('byProgram')?.lines).toBeLessThanOrEqual(table.get('byHand')?.lines ?? 0)
  })

  test('flies step by step, each with everything that is known by then', async () => {
    const steps = [['orders.page'], ['customers.byIds', 'orderLines.byOrders'], ['items.byIds']]
    await uow.run(byRelations(0))
    expect(sent).toEqual([...steps.slice(0, 2), ['items.byIds', 'commit']])
    sent = []
    await uow.run(byProgram(0))
    expect(sent).toEqual([...steps, ['commit']])
    sent = []
    await uow.run(byBody(0))
    expect(sent).toEqual([...steps, ['commit']])
  })
})

const itemsByIds = (ids: readonly number[]) => many(db.selectFrom('items').selectAll().where('id', 'in', ids))
const itemById = loader(itemsByIds, (item) => item.id)

describe('a loader', () => {
  const rename = (id: number, name: string) =>
    affected(db.updateTable('items').set({ name }).where('id', '=', id), { exactly: 1 }).named('rename')
  const nameOf = (id: number) => itemById.load(id).map((item) => item?.name)
  const undo = fail(new Error('undone'))

  /** Runs the query, whose changes are undone. */
  async function sandboxed<T>(query: Query<T>): Promise<T> {
    let value: { readonly of: T } | undefined
    const run = uow.run(query.andThen((of) => ((value = { of }), undo)))
    await expect(run).rejects.toThrow('undone')
    if (value === undefined) throw new Error('the query did not come to its end')
    return value.of
  }

  test('gives what the unit itself has written, and what an undone attempt had not', async () => {
    const names = await sandboxed(
      program(function* () {
        const before = yield* nameOf(1)
        yield* rename(1, 'renamed')
        const after = yield* nameOf(1)
        const attempted = yield* attempt(
          program(function* () {
            yield* rename(1, 'attempted')
            const inside = yield* nameOf(1)
            return yield* fail(new Error(inside))
          }),
        )
        return [before, after, attempted, yield* nameOf(1)]
      }),
    )
    expect(names).toEqual(['item 1', 'renamed', { ok: false, error: new Error('attempted') }, 'renamed'])
  })

  test('remembers what nobody wrote to, absence too', async () => {
    await sandboxed(
      program(function* () {
        yield* all([nameOf(1), nameOf(404)])
        yield* affected(db.updateTable('orders').set({ status: 'done' }).where('id', '=', 1)).named('done')
        yield* all([nameOf(1), nameOf(404), nameOf(2)])
      }).named('items'),
    )
    expect(sent.slice(0, 3)).toEqual([['items'], ['done'], ['items']])
    expect(sent).toHaveLength(4)
  })

  test('has keys of several columns', async () => {
    const tagging = loader(
      (pairs: readonly { item_id: number; tag: string }[]) =>
        many(
          db
            .selectFrom('item_tags')
            .selectAll()
            .where((e) =>
              e(
                e.refTuple('item_id', 'tag'),
                'in',
                pairs.map(({ item_id, tag }) => e.tuple(item_id, tag)),
              ),
            ),
        ),
      (row) => row,
    )
    const pairs = [
      { item_id: 1, tag: 'red' },
      { tag: 'rare', item_id: 1 },
      { tag: 'red', item_id: 2 },
    ]
    expect(await uow.read(each(pairs, (pair) => tagging.load(pair)))).toEqual([pairs[0], undefined, pairs[2]])
  })

  test('tells that the server finds equal what is not', async () => {
    const byName = loader(
      (names: readonly string[]) => many(db.selectFrom('tags').selectAll().where('name', 'in', names)),
      (tag) => tag.name,
    )
    expect(await uow.read(byName.load('red'))).toEqual({ name: 'red' })
    await expect(uow.read(byName.load('RED'))).rejects.toMatchObject({ name: 'ResultError' })
    for (const others of [['RED'], ['none', 'RED'], ['réd']]) {
      const together = uow.read(each(['red', ...others], (name) => byName.load(name)))
      await expect(together).rejects.toMatchObject({ name: 'ResultError' })
    }
  })

  test('takes 5 000 keys', async () => {
    const names = await uow.read(
      each(
        Array.from({ length: 5_000 }, (_, id) => id),
        nameOf,
      ),
    )
    expect(names.filter((name) => name !== undefined)).toHaveLength(30)
    expect(sent.map((commands) => commands.length)).toEqual([7])
  })
})

describe('relations', () => {
  const tagsByItems = (ids: readonly number[]) =>
    many(
      db
        .selectFrom('item_tags')
        .innerJoin('tags', 'tags.name', 'item_tags.tag')
        .select(['item_tags.item_id', 'tags.name'])
        .where('item_tags.item_id', 'in', ids)
        .orderBy('tags.name'),
    )
  const tags = hasMany(tagsByItems, { from: 'id', to: 'item_id' })

  test('go through a join table in one statement', async () => {
    const rows = await uow.read(itemsByIds([1, 2, 3]).with({ tags }))
    expect(rows.map((item) => item.tags.map((tag) => tag.name))).toEqual([['new', 'red'], ['red'], []])
    expect(sent).toHaveLength(2)
  })

  test('nest into a loaded row, and into none', async () => {
    const anyLine = hasOne(
      (ids: readonly number[]) =>
        db.selectFrom('order_lines').selectAll().where('item_id', 'in', ids).where('order_id', '=', 1),
      { from: 'id', to: 'item_id' },
    )
    const nested = (id: number) => itemById.load(id).with({ tags, anyLine })
    expect(await uow.read(all([nested(1), nested(404)]))).toEqual([
      {
        id: 1,
        name: 'item 1',
        cents: 1,
        tags: [
          { item_id: 1, name: 'new' },
          { item_id: 1, name: 'red' },
        ],
        anyLine: null,
      },
      undefined,
    ])
  })
})
