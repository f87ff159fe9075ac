import { affected, defineRepository, maybeOne, one } from '@leasehold/core'
import { db } from '../db.ts'
import type { Order } from '../schema.ts'
import type { CustomerKey } from './customers.ts'

/** Orders are numbered within their district. */
export interface OrderKey {
  readonly warehouse: number
  readonly district: number
  readonly order: number
}

export const orders = defineRepository('orders', {
  customer: ({ warehouse, district, order }: OrderKey) =>
    one(
      db
        .selectFrom('orders')
        .select('o_c_id')
        .where('o_w_id', '=', warehouse)
        .where('o_d_id', '=', district)
        .where('o_id', '=', order),
    ).map((row) => row.o_c_id),

  latestOf: ({ warehouse, district, customer }: CustomerKey) =>
    maybeOne(
      db
        .selectFrom('orders')
        .select(['o_id', 'o_entry_d', 'o_carrier_id'])
        .where('o_w_id', '=', warehouse)
        .where('o_d_id', '=', district)
        .where('o_c_id', '=', customer)
        .orderBy('o_id', 'desc')
        .limit(1),
    ),

  assignCarrier: ({ warehouse, district, order }: OrderKey, carrier: number) =>
    affected(
      db
        .updateTable('orders')
        .set({ o_carrier_id: carrier })
        .where('o_w_id', '=', warehouse)
        .where('o_d_id', '=', district)
        .where('o_id', '=', order),
      { exactly: 1 },
    ),

  add: (rows: readonly Order[]) => affected(db.insertInto('orders').values(rows), { exactly: rows.length }),
})
