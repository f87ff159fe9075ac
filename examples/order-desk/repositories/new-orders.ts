import { affected, defineRepository, maybeOne } from '@leasehold/core'
import { db } from '../db.ts'
import type { NewOrder } from '../schema.ts'
import type { OrderKey } from './orders.ts'

/** The orders that wait for their delivery. */
export const newOrders = defineRepository('newOrders', {
  /** The lock keeps two deliveries from taking the same order. */
  lockOldest: (warehouse: number, district: number) =>
    maybeOne(
      db
        .selectFrom('new_order')
        .select('no_o_id')
        .where('no_w_id', '=', warehouse)
        .where('no_d_id', '=', district)
        .orderBy('no_o_id')
        .limit(1)
        .forUpdate(),
    ).map((row) => row?.no_o_id),

  remove: ({ warehouse, district, order }: OrderKey) =>
    affected(
      db
        .deleteFrom('new_order')
        .where('no_w_id', '=', warehouse)
        .where('no_d_id', '=', district)
        .where('no_o_id', '=', order),
      { exactly: 1 },
    ),

  add: (rows: readonly NewOrder[]) =>
    affected(db.insertInto('new_order').values(rows), { exactly: rows.length }),
})
