import { all, many, one } from '@leasehold/core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { checkConsistency } from '../consistency.ts'
import { db } from '../db.ts'
import { openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

const count = (table: 'customer' | 'district' | 'history' | 'item' | 'new_order' | 'orders' | 'stock') =>
  one(db.selectFrom(table).select((e) => e.fn.countAll<number>().as('rows'))).map(({ rows }) => rows)

test('loads every table to its scale', async () => {
  const districts = SMALL.warehouses * SMALL.districtsPerWarehouse
  const customers = districts * SMALL.customersPerDistrict

  expect(
    await desk.uow.read(
      all({
        items: count('item'),
        stock: count('stock'),
        districts: count('district'),
        customers: count('customer'),
        history: count('history'),
        orders: count('orders'),
        waiting: count('new_order'),
      }),
    ),
  ).toEqual({
    items: SMALL.items,
    stock: SMALL.items * SMALL.warehouses,
    districts,
    customers,
    history: customers,
    orders: customers,
    waiting: customers * 0.3,
  })
})

test('gives every customer of a district one order', async () => {
  const rows = await desk.uow.read(
    many(db.selectFrom('orders').select('o_c_id').where('o_w_id', '=', 1).where('o_d_id', '=', 1)),
  )

  expect(new Set(rows.map((row) => row.o_c_id)).size).toBe(SMALL.customersPerDistrict)
})

test('starts consistent', async () => {
  const conditions = await checkConsistency(desk.uow)

  expect(conditions.map(({ condition, holds }) => [condition, holds])).toEqual([
    [1, true],
    [2, true],
    [3, true],
    [4, true],
  ])
})

test.each([
  {
    condition: 1,
    broken: db.updateTable('warehouse').set({ w_ytd: 1 }).where('w_id', '=', 1),
  },
  {
    condition: 2,
    broken: db.updateTable('district').set({ d_next_o_id: 7 }).where('d_w_id', '=', 2).where('d_id', '=', 3),
  },
  {
    condition: 3,
    broken: db.deleteFrom('new_order').where('no_d_id', '=', 2).where('no_o_id', '=', 35),
  },
  {
    condition: 4,
    broken: db.deleteFrom('order_line').where('ol_d_id', '=', 2).where('ol_o_id', '=', 1),
  },
])('notices that condition $condition is broken', async ({ condition, broken }) => {
  const before = await checkConsistency(desk.uow)
  await desk.uow.run(broken)
  const after = await checkConsistency(desk.uow)

  expect(before.find((result) => result.condition === condition)?.holds).toBe(true)
  expect(after.find((result) => result.condition === condition)?.holds).toBe(false)
})
