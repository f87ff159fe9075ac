import { affected, defineRepository, many, one } from '@leasehold/core'
import { db } from '../db.ts'
import { UnknownCustomer } from '../errors.ts'
import type { Customer } from '../schema.ts'

/** Customers are numbered within their district, and districts within their warehouse. */
export interface CustomerKey {
  readonly warehouse: number
  readonly district: number
  readonly customer: number
}

const ACCOUNT = [
  'c_id',
  'c_first',
  'c_middle',
  'c_last',
  'c_street_1',
  'c_street_2',
  'c_city',
  'c_state',
  'c_zip',
  'c_phone',
  'c_since',
  'c_credit',
  'c_credit_lim',
  'c_discount',
  'c_balance',
  'c_data',
] as const

const ofDistrict = (warehouse: number, district: number) =>
  db.selectFrom('customer').where('c_w_id', '=', warehouse).where('c_d_id', '=', district)

const byKey = ({ warehouse, district, customer }: CustomerKey) =>
  ofDistrict(warehouse, district).where('c_id', '=', customer)

const updateByKey = ({ warehouse, district, customer }: CustomerKey) =>
  db
    .updateTable('customer')
    .where('c_w_id', '=', warehouse)
    .where('c_d_id', '=', district)
    .where('c_id', '=', customer)

const unknown = (key: CustomerKey) => ({ orElse: () => new UnknownCustomer(key.customer, key.district) })

export const customers = defineRepository('customers', {
  terms: (key: CustomerKey) =>
    one(byKey(key).select(['c_first', 'c_last', 'c_credit', 'c_discount']), unknown(key)),

  balance: (key: CustomerKey) =>
    one(byKey(key).select(['c_id', 'c_first', 'c_middle', 'c_last', 'c_balance']), unknown(key)),

  lockAccount: (key: CustomerKey) => one(byKey(key).select(ACCOUNT).forUpdate(), unknown(key)),

  /** Everyone of that name, by first name: of several the one in the middle is meant (clauses 2.5.2.2, 2.6.2.2). */
  balancesByLastName: (warehouse: number, district: number, lastName: string) =>
    many(
      ofDistrict(warehouse, district)
        .select(['c_id', 'c_first', 'c_middle', 'c_last', 'c_balance'])
        .where('c_last', '=', lastName)
        .orderBy('c_first'),
    ),

  lockAccountsByLastName: (warehouse: number, district: number, lastName: string) =>
    many(
      ofDistrict(warehouse, district)
        .select(ACCOUNT)
        .where('c_last', '=', lastName)
        .orderBy('c_first')
        .forUpdate(),
    ),

  pay: (key: CustomerKey, cents: number, data: string) =>
    affected(
      updateByKey(key).set((e) => ({
        c_balance: e('c_balance', '-', cents),
        c_ytd_payment: e('c_ytd_payment', '+', cents),
        c_payment_cnt: e('c_payment_cnt', '+', 1),
        c_data: data,
      })),
      { exactly: 1 },
    ),

  charge: (key: CustomerKey, cents: number) =>
    affected(
      updateByKey(key).set((e) => ({
        c_balance: e('c_balance', '+', cents),
        c_delivery_cnt: e('c_delivery_cnt', '+', 1),
      })),
      { exactly: 1 },
    ),

  add: (rows: readonly Customer[]) =>
    affected(db.insertInto('customer').values(rows), { exactly: rows.length }),
})
