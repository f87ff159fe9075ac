import { affected, defineRepository, one, template } from '@leasehold/core'
import { db } from '../db.ts'
import { UnknownDistrict, UnknownItem } from '../errors.ts'
import type { Stock } from '../schema.ts'
import type { OrderKey } from './orders.ts'

const DISTRICT_INFO = [
  's_dist_01',
  's_dist_02',
  's_dist_03',
  's_dist_04',
  's_dist_05',
  's_dist_06',
  's_dist_07',
  's_dist_08',
  's_dist_09',
  's_dist_10',
] as const

/** Each of the ten districts has a column of its own with what its packing slips say of the item. */
const lockFor = DISTRICT_INFO.map((column) =>
  template((warehouse: number, item: number) =>
    db
      .selectFrom('stock')
      .select(['s_quantity', 's_data', `${column} as districtInfo`])
      .where('s_w_id', '=', warehouse)
      .where('s_i_id', '=', item)
      .forUpdate(),
  ),
)

/**
 * Clause 2.4.2.2: what would leave fewer than ten is restocked by 91. The server works it out, so that an order
 * with two lines of the same item takes both from what is there.
 */
const takeFrom = template((warehouse: number, item: number, taken: Taken) =>
  db
    .updateTable('stock')
    .set((e) => ({
      s_quantity: e
        .case()
        .when('s_quantity', '>=', taken.least)
        .then(e('s_quantity', '-', taken.quantity))
        .else(e('s_quantity', '+', taken.restocked))
        .end(),
      s_ytd: e('s_ytd', '+', taken.quantity),
      s_order_cnt: e('s_order_cnt', '+', 1),
      s_remote_cnt: e('s_remote_cnt', '+', taken.remote),
    }))
    .where('s_w_id', '=', warehouse)
    .where('s_i_id', '=', item),
)

interface Taken {
  readonly quantity: number
  readonly least: number
  readonly restocked: number
  readonly remote: number
}

export const stock = defineRepository('stock', {
  lock: (warehouse: number, item: number, district: number) => {
    const lock = lockFor[district - 1]
    if (lock === undefined) throw new UnknownDistrict(district)
    return one(lock(warehouse, item), { orElse: () => new UnknownItem(item) })
  },

  take: (warehouse: number, item: number, quantity: number, remote: boolean) =>
    affected(
      takeFrom(warehouse, item, {
        quantity,
        least: quantity + 10,
        restocked: 91 - quantity,
        remote: remote ? 1 : 0,
      }),
      { exactly: 1 },
    ),

  /** Items of a district's last twenty orders that are about to run out (clause 2.8.2.2). */
  countBelow: (threshold: number, { warehouse, district, order: next }: OrderKey) =>
    one(
      db
        .selectFrom('order_line')
        .innerJoin('stock', (join) => join.onRef('s_i_id', '=', 'ol_i_id').onRef('s_w_id', '=', 'ol_w_id'))
        .select((e) => e.fn.count<number>('s_i_id').distinct().as('items'))
        .where('ol_w_id', '=', warehouse)
        .where('ol_d_id', '=', district)
        .where('ol_o_id', '<', next)
        .where('ol_o_id', '>=', next - 20)
        .where('s_quantity', '<', threshold),
    ).map((row) => row.items),

  add: (rows: readonly Stock[]) => affected(db.insertInto('stock').values(rows), { exactly: rows.length }),
})
