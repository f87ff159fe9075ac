import { all, belongsTo, each, hasMany, loader, many } from '@leasehold/core'
import { recordFlights } from '@leasehold/core/testing'
import { beforeEach, expect, test } from 'vitest'
import { db, lines, people, useTables } from './support/tables.ts'

const fixture = useTables()

const ORDERS = [1, 2, 3, 2]

beforeEach(async () => {
  const names = ['Ann', 'Bo', 'Cy']
  await fixture.unit.run(people.insertMany(names.map((name) => ({ email: `${name}@x`, name }))))
  await fixture.unit.run(
    lines.insertMany(ORDERS.map((orderId, line) => ({ orderId, line, text: `${orderId}/${line}` }))),
  )
})

test('byIds is what a relation fetches by', async () => {
  const withPerson = lines.list({ orderBy: ['line'] }).with({
    person: belongsTo(people.byIds, { from: 'orderId', to: 'id' }),
  })
  const { value, flights } = await recordFlights(() => fixture.unit.run(withPerson))
  expect(value.map(({ text, person }) => `${text} ${person?.name}`)).toEqual([
    '1/0 Ann',
    '2/1 Bo',
    '3/2 Cy',
    '2/3 Bo',
  ])
  expect(flights.map((commands) => commands.map(({ label, type }) => label ?? type))).toEqual([
    ['lines.list'],
    ['people.byIds', 'commit'],
  ])
})

test('pages take relations as well', async () => {
  const byPeople = (ids: readonly number[]) =>
    many(db.selectFrom('lines').selectAll().where('orderId', 'in', ids).orderBy('line'))
  const { rows } = await fixture.unit.run(people.page({ limit: 2, orderBy: [['name', 'desc']] }))
  const nested = people.byIds(rows.map(({ id }) => id)).with({
    lines: hasMany(byPeople, { from: 'id', to: 'orderId' }),
  })
  const found = await fixture.unit.run(nested)
  expect(new Map(found.map(({ name, lines }) => [name, lines.length]))).toEqual(
    new Map([
      ['Bo', 2],
      ['Cy', 1],
    ]),
  )
})

test('byIds is what a loader fetches by, and what was written is not remembered', async () => {
  const byId = loader(people.byIds, ({ id }) => id)
  const work = all([byId.load(1), byId.load(3), byId.load(1), byId.load(404)]).andThen((before) =>
    people
      .patch({ id: 1, version: 1 }, { name: 'Anna' })
      .andThen(() => byId.load(1))
      .map((after) => [before.map((row) => row?.name), after?.name]),
  )
  expect(await fixture.unit.run(work)).toEqual([['Ann', 'Cy', 'Ann', undefined], 'Anna'])
})

test('what the server decides can be begun for each of many', async () => {
  const names = Array.from({ length: 1_300 }, (_, index) => `n${index}`)
  const rows = await fixture.unit.run(
    each(names, (name) => people.insertAndGet({ email: `${name}@y`, name })),
  )
  expect(rows.map(({ name }) => name)).toEqual(names)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(names.length)
})
