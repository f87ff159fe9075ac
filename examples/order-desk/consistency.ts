import { all, many, type UnitOfWork } from '@leasehold/core'
import { db } from './db.ts'

export interface ConditionResult {
  /** Its number in clause 3.3.2. */
  readonly condition: number
  readonly meaning: string
  readonly holds: boolean
}

/** Conditions 1 to 4 of clause 3.3.2: each holds when its query finds no place that breaks it. */
export const checkConsistency = (uow: UnitOfWork): Promise<ConditionResult[]> =>
  uow.read(
    all(
      CONDITIONS.map(({ meaning, offenders }, index) =>
        many(offenders).map((rows) => ({ condition: index + 1, meaning, holds: rows.length === 0 })),
      ),
    ),
    { label: 'consistency' },
  )

const ordersPerDistrict = db
  .selectFrom('orders')
  .select((e) => [
    'o_w_id',
    'o_d_id',
    e.fn.max('o_id').as('latest_order'),
    e.fn.sum<number>('o_ol_cnt').as('expected_lines'),
  ])
  .groupBy(['o_w_id', 'o_d_id'])
  .as('orders_per_district')

const waitingPerDistrict = db
  .selectFrom('new_order')
  .select((e) => ['no_w_id', 'no_d_id', e.fn.max('no_o_id').as('latest_waiting')])
  .groupBy(['no_w_id', 'no_d_id'])
  .as('waiting_per_district')

const linesPerDistrict = db
  .selectFrom('order_line')
  .select((e) => ['ol_w_id', 'ol_d_id', e.fn.countAll<number>().as('found_lines')])
  .groupBy(['ol_w_id', 'ol_d_id'])
  .as('lines_per_district')

const CONDITIONS = [
  {
    meaning: 'W_YTD = sum(D_YTD) in every warehouse',
    offenders: db
      .selectFrom('warehouse')
      .leftJoin('district', 'd_w_id', 'w_id')
      .select('w_id')
      .groupBy(['w_id', 'w_ytd'])
      .having((e) => e('w_ytd', '!=', e.fn.coalesce(e.fn.sum<number>('d_ytd'), e.lit(0)))),
  },
  {
    meaning: 'D_NEXT_O_ID - 1 = max(O_ID) = max(NO_O_ID) in every district',
    offenders: db
      .selectFrom('district')
      .leftJoin(ordersPerDistrict, (join) => join.onRef('o_w_id', '=', 'd_w_id').onRef('o_d_id', '=', 'd_id'))
      .leftJoin(waitingPerDistrict, (join) =>
        join.onRef('no_w_id', '=', 'd_w_id').onRef('no_d_id', '=', 'd_id'),
      )
      .select(['d_w_id', 'd_id'])
      .where((e) => {
        const latest = e('d_next_o_id', '-', 1)
        // A district whose orders are all delivered has no max(NO_O_ID), and the comparison with null is not true.
        return e.or([
          e(latest, '!=', e.fn.coalesce('latest_order', e.lit(0))),
          e(latest, '!=', e.ref('latest_waiting')),
        ])
      }),
  },
  {
    meaning: 'max(NO_O_ID) - min(NO_O_ID) + 1 = rows of NEW_ORDER in every district',
    offenders: db
      .selectFrom('new_order')
      .select(['no_w_id', 'no_d_id'])
      .groupBy(['no_w_id', 'no_d_id'])
      .having((e) =>
        e(e(e(e.fn.max('no_o_id'), '-', e.fn.min('no_o_id')), '+', 1), '!=', e.fn.countAll<number>()),
      ),
  },
  {
    meaning: 'sum(O_OL_CNT) = rows of ORDER_LINE in every district',
    offenders: db
      .selectFrom('district')
      .leftJoin(ordersPerDistrict, (join) => join.onRef('o_w_id', '=', 'd_w_id').onRef('o_d_id', '=', 'd_id'))
      .leftJoin(linesPerDistrict, (join) =>
        join.onRef('ol_w_id', '=', 'd_w_id').onRef('ol_d_id', '=', 'd_id'),
      )
      .select(['d_w_id', 'd_id'])
      .where((e) =>
        e(e.fn.coalesce('expected_lines', e.lit(0)), '!=', e.fn.coalesce('found_lines', e.lit(0))),
      ),
  },
]
