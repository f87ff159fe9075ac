import { all, one } from '@leasehold/core'
import { recordFlights } from '@leasehold/core/testing'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { db } from '../db.ts'
import { UnknownCustomer, UnknownDistrict, UnknownItem } from '../errors.ts'
import { newOrder, type NewOrderLine } from '../transactions/new-order.ts'
import { orderStatus } from '../transactions/order-status.ts'
import { expectConsistent, openSmallDesk, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

afterEach(() => expectConsistent(desk))

/** Ten lines that are not in the order of their items, one supplied from elsewhere. */
const lines: NewOrderLine[] = Array.from({ length: 10 }, (_, index) => ({
  item: 100 - index,
  supplyWarehouse: index === 3 ? 2 : 1,
  quantity: index + 1,
}))

const order = {
  warehouse: 1,
  district: 1,
  customer: 7,
  lines,
  enteredAt: new Date('2026-01-02T03:04:05Z'),
}

const stockOf = (item: number) =>
  one(db.selectFrom('stock').selectAll().where('s_w_id', '=', 1).where('s_i_id', '=', item))

const everything = all({
  district: one(db.selectFrom('district').select((e) => e.fn.sum('d_next_o_id').as('orders'))),
  orders: one(db.selectFrom('orders').select((e) => e.fn.countAll<number>().as('rows'))),
  stock: one(db.selectFrom('stock').select((e) => e.fn.sum('s_ytd').as('taken'))),
})

test('takes three flights: reads, writes, commit', async () => {
  const { flights } = await recordFlights(() => desk.uow.run(newOrder(order)))

  expect(flights.map((flight) => flight.length)).toEqual([23, 23, 1])
  expect(flights[2]).toEqual([{ type: 'commit' }])
})

test('writes down what was ordered', async () => {
  const placed = await desk.uow.run(newOrder(order))
  const found = await desk.uow.read(orderStatus({ warehouse: 1, district: 1, choice: { number: 7 } }))

  expect(found.order).toEqual({ o_id: placed.order, o_entry_d: order.enteredAt, o_carrier_id: null })
  expect(
    found.lines.map((line) => ({
      item: line.ol_i_id,
      supplyWarehouse: line.ol_supply_w_id,
      quantity: line.ol_quantity,
    })),
  ).toEqual(lines)
  expect(found.lines.map((line) => line.ol_amount)).toEqual(placed.lines.map(({ cents }) => cents))
})

test('takes an item that is there twice from the stock twice', async () => {
  const twice = [
    { item: 200, supplyWarehouse: 1, quantity: 3 },
    { item: 200, supplyWarehouse: 1, quantity: 4 },
  ]
  const before = await desk.uow.read(stockOf(200))
  await desk.uow.run(newOrder({ ...order, lines: twice }))
  const after = await desk.uow.read(stockOf(200))

  expect(after.s_ytd - before.s_ytd).toBe(7)
  expect(after.s_order_cnt - before.s_order_cnt).toBe(2)
  expect(after.s_remote_cnt).toBe(0)
  // Restocked or not.
  expect([-7, 84]).toContain(after.s_quantity - before.s_quantity)
})

test('restocks what would leave fewer than ten', async () => {
  await desk.uow.run(
    db.updateTable('stock').set({ s_quantity: 15 }).where('s_w_id', '=', 1).where('s_i_id', '=', 201),
  )
  const line = { item: 201, supplyWarehouse: 1, quantity: 5 }
  await desk.uow.run(newOrder({ ...order, lines: [line] }))
  expect((await desk.uow.read(stockOf(201))).s_quantity).toBe(10)

  await desk.uow.run(newOrder({ ...order, lines: [line] }))
  expect((await desk.uow.read(stockOf(201))).s_quantity).toBe(10 - 5 + 91)
})

test('counts a line from another warehouse as remote there', async () => {
  const there = one(db.selectFrom('stock').selectAll().where('s_w_id', '=', 2).where('s_i_id', '=', 202))
  const before = await desk.uow.read(there)
  await desk.uow.run(newOrder({ ...order, lines: [{ item: 202, supplyWarehouse: 2, quantity: 1 }] }))

  expect((await desk.uow.read(there)).s_remote_cnt).toBe(before.s_remote_cnt + 1)
})

test.each([
  [{ ...order, lines: [...lines, { item: 999_999, supplyWarehouse: 1, quantity: 1 }] }, UnknownItem],
  [{ ...order, customer: 41 }, UnknownCustomer],
  [{ ...order, district: 4 }, UnknownDistrict],
  [{ ...order, district: 11 }, UnknownDistrict],
])('leaves nothing behind when something is unknown (%#)', async (input, error) => {
  const before = await desk.uow.read(everything)

  await expect(desk.uow.run(newOrder(input))).rejects.toThrow(error)

  expect(await desk.uow.read(everything)).toEqual(before)
})
