import { affected, defineRepository, one } from '@leasehold/core'
import { db } from '../db.ts'
import { UnknownDistrict } from '../errors.ts'
import type { District } from '../schema.ts'

export const districts = defineRepository('districts', {
  /** The lock makes the numbers of a district's orders consecutive: the next order waits for this one. */
  lockOrderNumber: (warehouse: number, district: number) =>
    one(
      db
        .selectFrom('district')
        .select(['d_tax', 'd_next_o_id'])
        .where('d_w_id', '=', warehouse)
        .where('d_id', '=', district)
        .forUpdate(),
      { orElse: () => new UnknownDistrict(district) },
    ),

  nextOrderNumber: (warehouse: number, district: number) =>
    one(
      db
        .selectFrom('district')
        .select('d_next_o_id')
        .where('d_w_id', '=', warehouse)
        .where('d_id', '=', district),
      { orElse: () => new UnknownDistrict(district) },
    ).map((row) => row.d_next_o_id),

  setNextOrderNumber: (warehouse: number, district: number, next: number) =>
    affected(
      db
        .updateTable('district')
        .set({ d_next_o_id: next })
        .where('d_w_id', '=', warehouse)
        .where('d_id', '=', district),
      { exactly: 1 },
    ),

  address: (warehouse: number, district: number) =>
    one(
      db
        .selectFrom('district')
        .select(['d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'])
        .where('d_w_id', '=', warehouse)
        .where('d_id', '=', district),
      { orElse: () => new UnknownDistrict(district) },
    ),

  receive: (warehouse: number, district: number, cents: number) =>
    affected(
      db
        .updateTable('district')
        .set((e) => ({ d_ytd: e('d_ytd', '+', cents) }))
        .where('d_w_id', '=', warehouse)
        .where('d_id', '=', district),
      { exactly: 1 },
    ),

  add: (rows: readonly District[]) =>
    affected(db.insertInto('district').values(rows), { exactly: rows.length }),
})
