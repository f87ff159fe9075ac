import { all, many, one } from '@leasehold/core'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { db } from '../db.ts'
import { delivery } from '../transactions/delivery.ts'
import { expectConsistent, flightsOf, openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

afterEach(() => expectConsistent(desk))

const deliveredAt = new Date('2026-01-02T03:04:05Z')

const deliver = (warehouse: number, districts = SMALL.districtsPerWarehouse) =>
  delivery({ warehouse, districts, carrier: 5, deliveredAt })

/** The order of the first district of the second warehouse, with its lines and its customer. */
const orderOf = (id: number) =>
  all({
    order: one(
      db
        .selectFrom('orders')
        .innerJoin('customer', (join) =>
          join.onRef('c_w_id', '=', 'o_w_id').onRef('c_d_id', '=', 'o_d_id').onRef('c_id', '=', 'o_c_id'),
        )
        .select(['o_carrier_id', 'c_balance', 'c_delivery_cnt'])
        .where('o_w_id', '=', 2)
        .where('o_d_id', '=', 1)
        .where('o_id', '=', id),
    ),
    lines: many(
      db
        .selectFrom('order_line')
        .select(['ol_amount', 'ol_delivery_d'])
        .where('ol_w_id', '=', 2)
        .where('ol_d_id', '=', 1)
        .where('ol_o_id', '=', id),
    ),
  })

test('takes as many flights for all districts as for one', async () => {
  expect(await flightsOf(desk, deliver(1))).toBe(4)
  expect(await flightsOf(desk, deliver(1, 1))).toBe(4)
})

test('delivers the oldest order of every district and charges its customer', async () => {
  // Of forty orders the last twelve wait.
  const before = await desk.uow.read(orderOf(29))
  expect(await desk.uow.run(deliver(2))).toEqual([29, 29, 29])
  const after = await desk.uow.read(orderOf(29))

  const cents = before.lines.reduce((sum, line) => sum + line.ol_amount, 0)
  expect(before.order).toMatchObject({ o_carrier_id: null, c_delivery_cnt: 0 })
  expect(after.order).toEqual({
    o_carrier_id: 5,
    c_balance: before.order.c_balance + cents,
    c_delivery_cnt: 1,
  })
  expect(after.lines.every((line) => line.ol_delivery_d?.getTime() === deliveredAt.getTime())).toBe(true)
})

test('goes on with the next oldest, and skips districts where nothing waits', async () => {
  await desk.uow.run(db.deleteFrom('new_order').where('no_w_id', '=', 1).where('no_d_id', '=', 2))
  const first = await desk.uow.run(deliver(1))
  const second = await desk.uow.run(deliver(1))

  expect(first[1]).toBeUndefined()
  expect(
    second.map((order, index) => (order === undefined ? undefined : order - (first[index] ?? 0))),
  ).toEqual([1, undefined, 1])
})
