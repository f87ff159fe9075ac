import { affected, defineRepository, many, one, template } from '@leasehold/core'
import { sql } from 'kysely'
import { db } from '../db.ts'
import type { OrderLine } from '../schema.ts'
import type { OrderKey } from './orders.ts'

const ofOrder = ({ warehouse, district, order }: OrderKey) =>
  db
    .selectFrom('order_line')
    .where('ol_w_id', '=', warehouse)
    .where('ol_d_id', '=', district)
    .where('ol_o_id', '=', order)

const insert = template((rows: readonly OrderLine[]) => db.insertInto('order_line').values(rows))

export const orderLines = defineRepository('orderLines', {
  of: (key: OrderKey) =>
    many(
      ofOrder(key)
        .select(['ol_i_id', 'ol_supply_w_id', 'ol_quantity', 'ol_amount', 'ol_delivery_d'])
        .orderBy('ol_number'),
    ),

  /** SUM makes a DECIMAL of what it adds up; the cast gives the whole cents back. */
  amountOf: (key: OrderKey) =>
    one(ofOrder(key).select((e) => e.cast<number>(e.fn.sum('ol_amount'), sql`signed`).as('cents'))).map(
      (row) => row.cents,
    ),

  deliver: ({ warehouse, district, order }: OrderKey, at: Date) =>
    affected(
      db
        .updateTable('order_line')
        .set({ ol_delivery_d: at })
        .where('ol_w_id', '=', warehouse)
        .where('ol_d_id', '=', district)
        .where('ol_o_id', '=', order),
    ),

  add: (rows: readonly OrderLine[]) => affected(insert(rows), { exactly: rows.length }),
})
