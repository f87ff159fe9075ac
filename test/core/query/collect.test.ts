import { collect, UsageError } from '@leasehold/core'
import { expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { read, record, write } from '../support/unit.ts'

const select = db.selectFrom('accounts').select('id')
const answers = { a: [{ id: 1 }], b: { affectedRows: 2 }, [select.compile().sql]: [{ id: 3 }] }

test('gives the shape that it was given, with results in the places of queries, from one flight', async () => {
  const { uow, driver } = record({ answers })
  const at = new Date(0)
  const query = collect({
    page: 3,
    at,
    none: null,
    lists: [read('a'), [write('b'), 'plain'], { builder: select, compiled: select.compile() }],
    empty: {},
  })
  expect(await uow.run(query)).toEqual({
    page: 3,
    at,
    none: null,
    lists: [[{ id: 1 }], [2, 'plain'], { builder: [{ id: 3 }], compiled: [{ id: 3 }] }],
    empty: {},
  })
  expect(driver.journal[1]).toHaveLength(4)
})

test('of plain values alone runs nothing', async () => {
  const { uow, driver } = record()
  expect(await uow.run(collect({ page: 1, list: ['a'] }))).toEqual({ page: 1, list: ['a'] })
  expect(driver.journal).toEqual([])
})

test('can be run again, and gives a shape of its own each time', async () => {
  const { uow } = record({ answers })
  const query = collect({ list: [read('a')] })
  const results = [await uow.run(query), await uow.run(query)]
  expect(results[0]).toEqual(results[1])
  expect(results[0]?.list).not.toBe(results[1]?.list)
})

test.each([
  ['a function', read],
  ['a promise', Promise.resolve(1)],
])('refuses %s, which is no query', (_, value) => {
  expect(() => collect({ value } as never)).toThrow(UsageError)
})
