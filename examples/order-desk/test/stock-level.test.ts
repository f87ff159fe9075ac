import { one } from '@leasehold/core'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { db } from '../db.ts'
import { stockLevel } from '../transactions/stock-level.ts'
import { expectConsistent, flightsOfRead, openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

afterEach(() => expectConsistent(desk))

const level = (threshold: number) => stockLevel({ warehouse: 1, district: 3, threshold })

test('takes two flights', async () => {
  expect(await flightsOfRead(desk, level(15))).toBe(2)
})

test('counts items, not lines, of the last twenty orders', async () => {
  const { items } = await desk.uow.read(
    one(
      db
        .selectFrom('order_line')
        .select((e) => e.fn.count<number>('ol_i_id').distinct().as('items'))
        .where('ol_w_id', '=', 1)
        .where('ol_d_id', '=', 3)
        .where('ol_o_id', '>', SMALL.customersPerDistrict - 20),
    ),
  )

  expect(await desk.uow.read(level(1000))).toBe(items)
  expect(await desk.uow.read(level(0))).toBe(0)
})
