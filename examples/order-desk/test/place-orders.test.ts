import { one } from '@leasehold/core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { checkConsistency } from '../consistency.ts'
import { db } from '../db.ts'
import { parseOrders } from '../orders-file.ts'
import { placeOrders } from '../place-orders.ts'
import { openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

const countOrders = one(db.selectFrom('orders').select((e) => e.fn.countAll<number>().as('orders'))).map(
  (row) => row.orders,
)

test('places the good orders once and says of each bad one why not', async () => {
  const written = parseOrders(`{"district":1,"customer":7,"items":[{"id":7,"quantity":2}]}
{"district":1,"customer":7,"items":[{"id":7,"quantity":2},{"id":7,"quantity":1}]}

{"district":1,"customer":7,"items":[{"id":999999,"quantity":2}]}
{"district":1,"customer":4000,"items":[{"id":7,"quantity":2}]}
{"district":9,"customer":7,"items":[{"id":7,"quantity":2}]}
{"district":99999999999,"customer":7,"items":[{"id":7,"quantity":2}]}
{"district":1,"customer":7}
{"district":2,"customer":1,"items":[{"id":1,"quantity":99}]}
`)
  const before = await desk.uow.read(countOrders)
  const printed: string[] = []
  const { placed, refused } = await placeOrders(desk.uow, written, { print: (text) => printed.push(text) })

  expect(placed).toBe(3)
  expect(refused).toEqual([
    { line: 4, reason: 'there is no item 999999' },
    { line: 5, reason: 'district 1 has no customer 4000' },
    { line: 6, reason: 'there is no district 9' },
    { line: 7, reason: 'there is no district 99999999999' },
    { line: 8, reason: 'the order: "items" is missing' },
  ])
  expect(await desk.uow.read(countOrders)).toBe(before + 3)
  expect(printed).toHaveLength(8)
  expect(printed[0]).toMatch(
    new RegExp(String.raw`^line 1: ✓ order ${SMALL.customersPerDistrict + 1} of district 1, \d+\.\d\d$`),
  )
  expect((await checkConsistency(desk.uow)).every(({ holds }) => holds)).toBe(true)
})

test('places nothing more once it is told to stop', async () => {
  const written = parseOrders('{"district":1,"customer":7,"items":[{"id":7,"quantity":2}]}')

  expect(await placeOrders(desk.uow, written, { signal: AbortSignal.abort() })).toEqual({
    placed: 0,
    refused: [{ line: 1, reason: 'stopped before its turn' }],
  })
})
