import { defineRepository, one, type Page, type Query, tableRepository } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { ColumnType, Generated, GeneratedAlways, Selectable } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { uow } from './shop.ts'

interface Database {
  people: {
    id: Generated<number>
    name: string
    note: string | null
    joined: ColumnType<Date, Date | string, never>
    total: GeneratedAlways<number>
    tags: ColumnType<string[], string, string>
    version: number
    createdAt: Date
    updatedAt: Generated<Date>
    deletedAt: Date | null
  }
  lines: { orderId: number; line: number; text: string | null }
  documents: { id: Generated<string>; body: string }
  ledgers: { id: Generated<bigint>; version: bigint }
}

const db = mysqlBuilder<Database>()

const people = tableRepository(db, 'people', {
  key: 'id',
  version: 'version',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  softDelete: 'deletedAt',
})
const lines = tableRepository(db, 'lines', { key: ['orderId', 'line'] })
const documents = tableRepository(db, 'documents', { key: 'id' })
const ledgers = tableRepository(db, 'ledgers', { key: 'id', version: 'version' })

interface Person {
  id: number
  name: string
  note: string | null
  joined: Date
  total: number
  tags: string[]
  version: number
  createdAt: Date
  updatedAt: Date
  deletedAt: Date | null
}

describe('a table repository', () => {
  test('takes columns of its table only', () => {
    // @ts-expect-error -- no such table
    tableRepository(db, 'persons', { key: 'id' })
    // @ts-expect-error -- no such column
    tableRepository(db, 'people', { key: 'identity' })
    // @ts-expect-error -- 'text' may be NULL
    tableRepository(db, 'lines', { key: 'text' })
    // @ts-expect-error -- 'tags' is no value that rows can be found by
    tableRepository(db, 'people', { key: 'tags' })
    // @ts-expect-error -- one of the columns does not exist
    tableRepository(db, 'lines', { key: ['orderId', 'row'] })
    // @ts-expect-error -- a key has a column
    tableRepository(db, 'lines', { key: [] })
    // @ts-expect-error -- a version is a number
    tableRepository(db, 'people', { key: 'id', version: 'name' })
    // @ts-expect-error -- what marks deleted rows is NULL in the others
    tableRepository(db, 'people', { key: 'id', softDelete: 'createdAt' })
    // @ts-expect-error -- no such column
    tableRepository(db, 'people', { key: 'id', updatedAt: 'changedAt' })
    // @ts-expect-error -- no such option
    tableRepository(db, 'people', { key: 'id', deleted: 'deletedAt' })
  })

  test('can be spread into another', () => {
    const own = defineRepository('people', {
      ...people,
      byName: (name: string) => one(people.select().where('name', '=', name)),
    })
    expectTypeOf(own.byName('Ann')).toEqualTypeOf<Query<Person, 'read'>>()
    expectTypeOf(own.byId).toEqualTypeOf(people.byId)
    // @ts-expect-error -- read only
    people.byId = () => people.byId(1)
  })
})

describe('reads', () => {
  test('give rows as Kysely has them', () => {
    expectTypeOf<Person>().toEqualTypeOf<Selectable<Database['people']>>()
    expectTypeOf(people.byId(1)).toEqualTypeOf<Query<Person, 'read'>>()
    expectTypeOf(people.find(1)).toEqualTypeOf<Query<Person | undefined, 'read'>>()
    expectTypeOf(people.byIds([1])).toEqualTypeOf<Query<Person[], 'read'>>()
    expectTypeOf(people.list()).toEqualTypeOf<Query<Person[], 'read'>>()
    expectTypeOf(people.page({ limit: 1 })).toEqualTypeOf<Query<Page<Person>, 'read'>>()
    expectTypeOf(people.count()).toEqualTypeOf<Query<number, 'read'>>()
    expectTypeOf(people.exists()).toEqualTypeOf<Query<boolean, 'read'>>()
    expectTypeOf(one(people.select())).toEqualTypeOf<Query<Person, 'read'>>()
  })

  test('take the key in its form', () => {
    expectTypeOf(people.byId).parameter(0).toEqualTypeOf<number>()
    expectTypeOf(documents.byId).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(lines.byId).parameter(0).toEqualTypeOf<{ orderId: number; line: number }>()
    // @ts-expect-error -- the key is a number
    people.byId('1')
    // @ts-expect-error -- part of the key is missing
    lines.byId({ orderId: 1 })
    // @ts-expect-error -- the key is a record
    lines.byIds([1])
  })

  test('may be read, and writes may not', () => {
    const read = uow.read(people.byId(1))
    expectTypeOf(read).toEqualTypeOf<Promise<Person>>()
    // @ts-expect-error -- it writes
    void uow.read(people.upsert({ name: 'Ann', joined: new Date(), tags: '[]' }))
    // @ts-expect-error -- it writes, whatever it reads besides
    void uow.read(documents.insertAndGet({ body: '' }))
  })

  test('byIds is what relations ask for', () => {
    expectTypeOf(people.byIds).toExtend<(keys: readonly number[]) => Query<Person[], 'read'>>()
    expectTypeOf(lines.byIds).toExtend<
      (keys: readonly { orderId: number; line: number }[]) => Query<unknown[]>
    >()
  })

  test('filter and sort by columns', () => {
    people.list({ where: (eb) => eb('name', '=', 'Ann'), orderBy: ['name', ['id', 'desc']], limit: 3 })
    people.page({ limit: 3, orderBy: [['joined', 'asc']], after: undefined })
    // @ts-expect-error -- no such column
    people.list({ where: (eb) => eb('nme', '=', 'Ann') })
    // @ts-expect-error -- a name is no number
    people.count({ where: (eb) => eb('name', '=', 1) })
    // @ts-expect-error -- a value is no condition
    people.exists({ where: (eb) => eb.ref('name') })
    // @ts-expect-error -- 'note' may be NULL
    people.page({ limit: 3, orderBy: ['note'] })
    // @ts-expect-error -- 'tags' has no order
    people.list({ orderBy: ['tags'] })
    // @ts-expect-error -- no such direction
    people.list({ orderBy: [['name', 'up']] })
    // @ts-expect-error -- how many?
    people.page({})
  })

  test('know of deleted rows where they are marked', () => {
    people.list({ withDeleted: true })
    people.byId(1, { withDeleted: true, orElse: () => new Error('none') })
    // @ts-expect-error -- no column marks them
    lines.list({ withDeleted: true })
    expectTypeOf(people.restore).toBeFunction()
    // @ts-expect-error -- nothing to restore
    lines.restore
  })
})

describe('writes', () => {
  test('insert takes what has no default, and gives the key', () => {
    expectTypeOf(people.insert({ name: 'Ann', joined: '2026-01-01', tags: '[]' })).toEqualTypeOf<
      Query<number, 'write'>
    >()
    expectTypeOf(lines.insert({ orderId: 1, line: 2 })).toEqualTypeOf<
      Query<{ orderId: number; line: number }, 'write'>
    >()
    expectTypeOf(people.insertAndGet).returns.toEqualTypeOf<Query<Person, 'write'>>()
    expectTypeOf(people.insertMany).returns.toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(people.upsert).returns.toEqualTypeOf<Query<void, 'write'>>()
    // @ts-expect-error -- 'joined' is missing
    people.insert({ name: 'Ann', tags: '[]' })
    // @ts-expect-error -- a generated column
    people.insert({ name: 'Ann', joined: new Date(), tags: '[]', total: 1 })
    // @ts-expect-error -- a managed column
    people.insert({ name: 'Ann', joined: new Date(), tags: '[]', createdAt: new Date() })
    // @ts-expect-error -- a managed column
    people.insertMany([{ name: 'Ann', joined: new Date(), tags: '[]', version: 3 }])
  })

  test('insert needs a key that is no number, for no server tells it', () => {
    // @ts-expect-error -- 'id' is missing
    documents.insert({ body: '' })
    // @ts-expect-error -- 'id' is missing
    ledgers.insert({})
    expectTypeOf(documents.insert({ id: 'a', body: '' })).toEqualTypeOf<Query<string, 'write'>>()
    expectTypeOf(documents.insertAndGet({ body: '' })).toEqualTypeOf<
      Query<{ id: string; body: string }, 'write'>
    >()
  })

  test('update takes a whole row', () => {
    expectTypeOf(people.update).parameter(0).toEqualTypeOf<{
      id: number
      version: number
      name: string
      note: string | null
      tags: string
      joined?: never
      total?: never
    }>()
    expectTypeOf(people.update).returns.toEqualTypeOf<Query<number, 'write'>>()
    const line = { orderId: 1, line: 2, text: 'a' }
    expectTypeOf(lines.update({ ...line, text: null })).toEqualTypeOf<Query<void, 'write'>>()
    // @ts-expect-error -- 'text' is missing
    lines.update({ orderId: 1, line: 2 })
    // @ts-expect-error -- the version is missing
    people.update({ id: 1, name: 'Ann', note: null, tags: '[]' })
    // @ts-expect-error -- a generated column
    people.update({ id: 1, version: 1, name: 'Ann', note: null, tags: '[]', total: 3 })
    // @ts-expect-error -- a column that is never updated
    people.update({ id: 1, version: 1, name: 'Ann', note: null, tags: '[]', joined: new Date() })
  })

  test('patch takes a key, with the version where there is one, and what may change', () => {
    expectTypeOf(people.patch).parameter(0).toEqualTypeOf<{ id: number; version: number }>()
    expectTypeOf(people.patch).parameter(1).toEqualTypeOf<{
      name?: string | undefined
      note?: string | null | undefined
      tags?: string | undefined
    }>()
    expectTypeOf(people.patch).returns.toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(ledgers.delete({ id: 1n, version: 2n })).toEqualTypeOf<Query<void, 'write'>>()
    expectTypeOf(documents.patch('a', { body: '' })).toEqualTypeOf<Query<void, 'write'>>()
    // @ts-expect-error -- the version is missing
    people.patch({ id: 1 }, { name: 'Ann' })
    // @ts-expect-error -- the key
    people.patch({ id: 1, version: 1 }, { id: 2 })
    // @ts-expect-error -- part of the key
    lines.patch({ orderId: 1, line: 2 }, { line: 3 })
    // @ts-expect-error -- the version
    people.patch({ id: 1, version: 1 }, { version: 2 })
    // @ts-expect-error -- a generated column
    people.patch({ id: 1, version: 1 }, { total: 2 })
    // @ts-expect-error -- a column that is never updated
    people.patch({ id: 1, version: 1 }, { joined: new Date() })
    // @ts-expect-error -- a managed column
    people.patch({ id: 1, version: 1 }, { deletedAt: null })
  })

  test('delete and restore take the same', () => {
    expectTypeOf(people.delete({ id: 1, version: 1 })).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(people.restore({ id: 1, version: 1 })).toEqualTypeOf<Query<number, 'write'>>()
    expectTypeOf(lines.delete({ orderId: 1, line: 2 })).toEqualTypeOf<Query<void, 'write'>>()
    // @ts-expect-error -- the version is missing
    people.delete(1)
    // @ts-expect-error -- the key is a string
    documents.delete(1)
  })
})
