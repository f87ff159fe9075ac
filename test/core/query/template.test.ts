import { composer, describeQuery, many, one, template, UsageError } from '@leasehold/core'
import { CamelCasePlugin, type Compilable, MysqlAdapter, MysqlQueryCompiler, sql } from 'kysely'
import { expect, test, vi } from 'vitest'

interface Database {
  items: { id: number; itemName: string | null; at: Date; bytes: Uint8Array }
}

const db = composer<Database>({
  adapter: new MysqlAdapter(),
  queryCompiler: new MysqlQueryCompiler(),
  plugins: [new CamelCasePlugin()],
})

function sqlOf(builder: Compilable): readonly [string, readonly unknown[]] {
  const { sql: text, parameters } = builder.compile()
  return [text, parameters]
}

const TIMES = Array.from({ length: 20 }, (_, index) => index)

test('gives what the function gives, and calls it for the first calls alone', () => {
  const make = vi.fn((id: number, name: string) =>
    db.selectFrom('items').select('itemName').where('id', '=', id).where('itemName', '=', name).limit(7),
  )
  const filled = template(make)
  for (const time of TIMES) {
    expect(sqlOf(filled(time, `name ${time}`))).toEqual([
      'select `item_name` from `items` where `id` = ? and `item_name` = ? limit ?',
      [time, `name ${time}`, 7],
    ])
  }
  expect(make.mock.calls.length).toBeLessThan(TIMES.length)
})

test('a value may be used twice, or not at all', () => {
  const twice = template((id: number, _unused: string) =>
    db
      .selectFrom('items')
      .select('id')
      .where((e) => e.or([e('id', '=', id), e('id', '=', id)])),
  )
  for (const time of TIMES) expect(sqlOf(twice(time, 'x'))[1]).toEqual([time, time])
})

test('lists, records, null and booleans have SQL of their own', () => {
  const found = template((ids: readonly number[]) =>
    db.selectFrom('items').select('id').where('id', 'in', ids),
  )
  const added = template((rows: readonly Partial<Database['items']>[]) =>
    db.insertInto('items').values(rows as readonly Database['items'][]),
  )
  const ordered = template((up: boolean) =>
    db
      .selectFrom('items')
      .select('id')
      .orderBy('id', up ? 'asc' : 'desc'),
  )
  for (const time of TIMES) {
    const ids = TIMES.slice(0, (time % 3) + 1)
    expect(sqlOf(found(ids))).toEqual([
      `select \`id\` from \`items\` where \`id\` in (${ids.map(() => '?').join(', ')})`,
      ids,
    ])
    expect(sqlOf(added([{ id: time, itemName: null }]))).toEqual([
      'insert into `items` (`id`, `item_name`) values (?, ?)',
      [time, null],
    ])
    expect(sqlOf(added([{ id: time, itemName: 'x' }, { id: 2 }]))).toEqual([
      'insert into `items` (`id`, `item_name`) values (?, ?), (?, default)',
      [time, 'x', 2],
    ])
    expect(sqlOf(ordered(time % 2 === 0))[0]).toMatch(time % 2 === 0 ? / asc$/ : / desc$/)
  }
})

test('dates and bytes are values', () => {
  const set = template((at: Date, bytes: Uint8Array) => db.updateTable('items').set({ at, bytes }))
  for (const time of TIMES) {
    const values = [new Date(time), Uint8Array.of(time)] as const
    expect(sqlOf(set(...values))[1]).toEqual(values)
  }
})

test('no two shapes are taken for one', () => {
  const record = template((row: object) => db.insertInto('items').values(row as Database['items']))
  const shapes = [{ id: 1, itemName: 'x' }, { 'id\0itemName': 1 }, { id: 1 }, { itemName: 'x', id: 1 }]
  for (const shape of [...shapes, ...shapes]) {
    expect(sqlOf(record(shape))).toEqual(sqlOf(db.insertInto('items').values(shape as Database['items'])))
  }
})

test('what is no plain data is built anew: it may be SQL', () => {
  const where = template((column: unknown) =>
    db
      .selectFrom('items')
      .select('id')
      .where(sql<boolean>`${column} > 1`),
  )
  expect(sqlOf(where(sql.ref('id')))[0]).toMatch(/`id` > 1$/)
  expect(sqlOf(where(sql.ref('bytes')))[0]).toMatch(/`bytes` > 1$/)
})

test('SQL that depends on a value is refused', () => {
  const chosen = template((id: number) =>
    db
      .selectFrom('items')
      .select('id')
      .where('id', id === 1 ? '=' : '>', id),
  )
  expect(() => chosen(1)).toThrow(
    /the SQL depends on the value of an argument: expected .* > \?, got .* = \?/,
  )
  const computed = template((id: number) =>
    db
      .selectFrom('items')
      .select('id')
      .where('id', '=', id + 1),
  )
  expect(() => computed(1)).toThrow(/an argument was computed with/)
  const changed = template((name: string) =>
    db
      .selectFrom('items')
      .select('id')
      .where('itemName', '=', typeof name),
  )
  expect(() => changed('x')).toThrow(/parameter 1 of .* is not an unchanged argument/)
  for (const wrong of [() => chosen(1), () => computed(1), () => changed('x')])
    expect(wrong).toThrow(UsageError)
})

test('plugins see the rows, and the statement is what it is', () => {
  const byId = template((id: number) => db.selectFrom('items').select('itemName').where('id', '=', id))
  const described = describeQuery(one(byId(1)), {})
  expect(described.flights).toMatchObject([[{ kind: 'read', tables: ['items'], parameters: [1] }]])
  expect(() => many(byId(2).compile())).not.toThrow()
})
