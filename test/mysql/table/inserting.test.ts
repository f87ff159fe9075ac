import { all, attempt, tableRepository, UsageError } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { CamelCasePlugin, type Generated, sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { counters, db, documents, files, lines, people, useTables } from './support/tables.ts'

const fixture = useTables()
const ann = { email: 'ann@x', name: 'Ann' }

test('insert gives the key that was made, or given', async () => {
  const { unit } = fixture
  expect(await unit.run(people.insert(ann))).toBe(1)
  expect(await unit.run(people.insert({ ...ann, email: 'b@x' }))).toBe(2)
  expect(await unit.run(people.insert({ ...ann, email: 'c@x', id: 70 }))).toBe(70)
  expect(await unit.run(lines.insert({ orderId: 3, line: 4, text: 'a' }))).toEqual({ orderId: 3, line: 4 })
  expect(await unit.run(documents.insert({ id: 'x', body: '' }))).toBe('x')
  expect(await unit.run(all([counters.insert({ shop: 'a' }), counters.insert({ shop: 'a' })]))).toEqual([
    { shop: 'a', number: 1 },
    { shop: 'a', number: 2 },
  ])
})

test('a key of 0, for which the server makes another, is that other one', async () => {
  const { unit } = fixture
  expect(await unit.run(people.insert(ann))).toBe(1)
  expect(await unit.run(people.insert({ ...ann, email: 'b@x', id: 0 }))).toBe(2)
  expect(await unit.run(people.insertAndGet({ ...ann, email: 'c@x', id: 0 }))).toMatchObject({ id: 3 })
  expect(await unit.run(counters.insert({ shop: '0', number: 0 }))).toEqual({ shop: '0', number: 1 })
  expect(await unit.run(lines.insert({ orderId: 0, line: 0, text: 'a' }))).toEqual({ orderId: 0, line: 0 })
  expect(await unit.run(lines.insertAndGet({ orderId: 0, line: 1, text: 'b' }))).toMatchObject({ text: 'b' })
  expect(await unit.run(documents.insert({ id: '0', body: '' }))).toBe('0')
})

test.each([
  ['varchar(9)', ['0', '', '00']],
  ['int', [0, '0']],
])('a key of 0 is itself where another column is filled by AUTO_INCREMENT: %s', async (type, keys) => {
  await fixture.oracle.query(`create table tickets (id ${type} primary key, nth int auto_increment unique)`)
  try {
    const tickets = tableRepository(
      mysqlBuilder<{ tickets: { id: string | number; nth: Generated<number> } }>(),
      'tickets',
      { key: 'id' },
    )
    for (const key of keys) {
      await fixture.oracle.query('insert into tickets (id) values (5)')
      expect(await fixture.unit.run(tickets.insert({ id: key }))).toBe(key)
      await fixture.oracle.query('delete from tickets')
      const row = await fixture.unit.run(tickets.insertAndGet({ id: key }))
      expect(row.id).toEqual(type === 'int' ? Number(key) : key)
      await fixture.oracle.query('delete from tickets')
    }
  } finally {
    await fixture.oracle.query('drop table tickets')
  }
})

test('a key of 0 is known by what its column is called on the server, in whatever schema', async () => {
  const schema = `ELSEWHERE_${process.pid}`
  await fixture.oracle.query(`create database ${schema}`)
  await fixture.oracle.query(
    `create table ${schema}.TICKETS (MY_KEY int auto_increment primary key, SIZE int not null)`,
  )
  try {
    const builder = mysqlBuilder<{ tickets: { myKey: Generated<number>; size: number } }>({
      plugins: [new CamelCasePlugin({ upperCase: true })],
    })
    const tickets = tableRepository(builder.withSchema(schema), 'tickets', { key: 'myKey' })
    expect(await fixture.unit.run(tickets.insert({ myKey: 0, size: 5 }))).toBe(1)
  } finally {
    await fixture.oracle.query(`drop database ${schema}`)
  }
})

test('a column of the key is known by its name, whatever its case', () => {
  const insert = people.insert as (row: object) => unknown
  expect(() => insert({ ...ann, ID: 5 })).toThrow(UsageError)
  expect(() => insert({ ...ann, VERSION: 5 })).toThrow(/VERSION differs only in case or accents/)
})

test('insertAndGet gives what the server has put there', async () => {
  const { unit } = fixture
  const row = await unit.run(people.insertAndGet({ ...ann, cents: 5 }))
  expect(row).toEqual({
    id: 1,
    ...ann,
    cents: 5,
    note: null,
    nameLength: 3,
    version: 1,
    createdAt: expect.any(Date) as Date,
    updatedAt: row.createdAt,
    deletedAt: null,
  })
  expect(Math.abs(row.createdAt.getTime() - Date.now())).toBeLessThan(60_000)
  expect(await unit.run(people.byId(1))).toEqual(row)
  expect(await unit.run(people.insertAndGet({ ...ann, email: 'b@x', id: 70 }))).toMatchObject({ id: 70 })
  expect(await unit.run(lines.insertAndGet({ orderId: 3, line: 4, text: 'a' }))).toEqual({
    orderId: 3,
    line: 4,
    text: 'a',
  })
  expect(await unit.run(counters.insertAndGet({ shop: 'a' }))).toEqual({ shop: 'a', number: 1 })
})

test.each([true, false])(
  'insertAndGets side by side each get their own row, with pipeline: %s',
  async (pipeline) => {
    const names = Array.from({ length: 600 }, (_, index) => `n${index}`)
    const rows = await fixture
      .uow({ pipeline })
      .run(all(names.map((name) => people.insertAndGet({ email: `${name}@x`, name }))))
    expect(rows.map(({ name }) => name)).toEqual(names)
  },
)

test('insertAndGet in an attempt is undone with it', async () => {
  const { unit } = fixture
  await unit.run(people.insert(ann))
  const outcome = await unit.run(
    all([
      attempt(all([people.insertAndGet({ ...ann, email: 'b@x' }), people.insertAndGet(ann)])),
      people.count(),
    ]),
  )
  expect(outcome).toMatchObject([
    { ok: false, error: { kind: 'duplicate-key', label: 'people.insertAndGet' } },
    1,
  ])
})

describe('a key that is made by a default', () => {
  const insert = all([people.insert(ann), documents.insertAndGet({ body: 'a' })])

  test.runIf(inject('serverKind') === 'mariadb')('is given by a server that returns it', async () => {
    const [, row] = await fixture.unit.run(insert)
    expect(row).toEqual({ id: expect.stringMatching(/^[\da-f-]{36}$/) as string, body: 'a' })
  })

  test.runIf(inject('serverKind') === 'mysql')(
    'is not to be had elsewhere, and not taken for another',
    async () => {
      await expect(fixture.unit.run(insert)).rejects.toThrow(
        'documents.insertAndGet: expected a generated key, got none; check that the table has an AUTO_INCREMENT column',
      )
      expect(await fixture.unit.run(people.count())).toBe(0)
    },
  )
})

test('only one column of a key can be made', () => {
  const insert = counters.insert as (row: object) => unknown
  expect(() => insert({})).toThrow(UsageError)
  expect(() => insert({})).toThrow(/missing: shop, number/)
})

test('insertMany takes any number of rows', async () => {
  const { unit } = fixture
  const rows = Array.from({ length: 30_000 }, (_, line) => ({ orderId: 1, line, text: `${line}` }))
  expect(await unit.run(lines.insertMany(rows))).toBe(30_000)
  expect(await fixture.stored('select count(*) as n from `lines` where text = line')).toEqual([{ n: 30_000 }])
  expect(await unit.run(lines.insertMany([]))).toBe(0)
})

test('insertMany is one unit: a row that is refused leaves none behind', async () => {
  const rows = Array.from({ length: 30_000 }, (_, line) => ({ orderId: 1, line, text: '' }))
  await expect(
    fixture.unit.run(lines.insertMany([...rows, { orderId: 1, line: 0, text: '' }])),
  ).rejects.toMatchObject({
    kind: 'duplicate-key',
    label: 'lines.insertMany',
  })
  expect(await fixture.stored('select count(*) as n from `lines`')).toEqual([{ n: 0 }])
})

test('insertMany of rows with different columns gives the others their defaults', async () => {
  const rows = [ann, { email: 'b@x', name: 'Bo', cents: 9, note: 'x' }, { id: 9, email: 'c@x', name: 'C' }]
  expect(await fixture.unit.run(people.insertMany(rows))).toBe(3)
  expect(await fixture.stored('select id, name, cents, note, version from people order by id')).toEqual([
    { id: 1, name: 'Ann', cents: 0, note: null, version: 1 },
    { id: 2, name: 'Bo', cents: 9, note: 'x', version: 1 },
    { id: 9, name: 'C', cents: 0, note: null, version: 1 },
  ])
})

test('upsert inserts, or changes the row that is there, by whatever unique index', async () => {
  const { unit } = fixture
  await unit.run(people.upsert({ id: 5, ...ann }))
  const first = await unit.run(people.byId(5))
  expect(first).toMatchObject({ ...ann, version: 1, cents: 0 })
  await unit.run(people.upsert({ id: 5, ...ann, cents: 7 }))
  await unit.run(people.upsert({ email: ann.email, name: 'Anna' }))
  const second = await unit.run(people.byId(5))
  expect(second).toMatchObject({ name: 'Anna', cents: 7, version: 3, createdAt: first.createdAt })
  expect(second.updatedAt.getTime()).toBeGreaterThanOrEqual(first.updatedAt.getTime())
  expect(await unit.run(people.count({ withDeleted: true }))).toBe(1)
})

test('upsert leaves no warning, and makes a deleted row one that is there', async () => {
  const { unit } = fixture
  await unit.run(people.insert({ id: 5, ...ann }))
  await unit.run(people.delete({ id: 5, version: 1 }))
  const warnings = await unit.run(async (q) => {
    await q(people.upsert({ id: 5, ...ann }))
    return q(sql`show warnings`.compile(db))
  })
  expect(warnings).toEqual([])
  expect(await unit.run(people.byId(5))).toMatchObject({ version: 3, deletedAt: null })
})

test('upsert of a key alone changes nothing that is there', async () => {
  const { unit } = fixture
  await unit.run(all([counters.upsert({ shop: 'a', number: 1 }), counters.upsert({ shop: 'a', number: 1 })]))
  expect(await unit.run(counters.list())).toEqual([{ shop: 'a', number: 1 }])
})

test('keys of bytes', async () => {
  const file = { digest: Buffer.from('0aff0027', 'hex'), at: new Date(1), size: 3n, name: 'x' }
  expect(await fixture.unit.run(files.insert(file))).toEqual(file.digest)
  expect(await fixture.unit.run(files.byId(file.digest))).toMatchObject({ name: 'x' })
})

test('insertAndGet gives the row whose key a trigger has made', async () => {
  await fixture.rows('create table stamped (id int primary key auto_increment, v varchar(10))')
  await fixture.rows("insert into stamped values (1, 'earlier')")
  await fixture.rows('create trigger stamping before insert on stamped for each row set new.id = 1000')
  const stamped = tableRepository(
    mysqlBuilder<{ stamped: { id: Generated<number>; v: string } }>(),
    'stamped',
    { key: 'id' },
  )
  const rows = fixture.unit.run(async (q) => {
    // Its key is 1, as that of the earlier row is.
    await q(people.insert({ ...ann, email: 'trigger@x' }))
    return q(stamped.insertAndGet({ v: 'new' }))
  })
  expect(await rows).toEqual({ id: 1_000, v: 'new' })
})
