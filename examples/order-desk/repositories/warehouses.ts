import { affected, defineRepository, one } from '@leasehold/core'
import { db } from '../db.ts'
import type { Warehouse } from '../schema.ts'

export const warehouses = defineRepository('warehouses', {
  tax: (warehouse: number) => one(db.selectFrom('warehouse').select('w_tax').where('w_id', '=', warehouse)),

  address: (warehouse: number) =>
    one(
      db
        .selectFrom('warehouse')
        .select(['w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'])
        .where('w_id', '=', warehouse),
    ),

  receive: (warehouse: number, cents: number) =>
    affected(
      db
        .updateTable('warehouse')
        .set((e) => ({ w_ytd: e('w_ytd', '+', cents) }))
        .where('w_id', '=', warehouse),
      { exactly: 1 },
    ),

  add: (rows: readonly Warehouse[]) =>
    affected(db.insertInto('warehouse').values(rows), { exactly: rows.length }),
})
