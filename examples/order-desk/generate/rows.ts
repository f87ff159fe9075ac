/** The rows that a desk starts with, by the rules of clause 4.3.3.1. */
import type {
  Customer,
  District,
  History,
  Item,
  NewOrder,
  Order,
  OrderLine,
  Stock,
  Warehouse,
} from '../schema.ts'
import { deliveredOrders, type Scale } from '../scale.ts'
import { LAST_NAMES, lastName } from './last-name.ts'
import { type NuRandConstants, nuRand } from './nurand.ts'
import type { Random } from './random.ts'
import { alphanumeric, brandData, digits, state, zip } from './strings.ts'

/** What each customer has paid before the desk opens. */
const FIRST_PAYMENT = 10_00

export function item(random: Random, id: number): Item {
  return {
    i_id: id,
    i_im_id: random.integer(1, 10_000),
    i_name: alphanumeric(random, 14, 24),
    i_price: random.integer(1_00, 100_00),
    i_data: brandData(random),
  }
}

export function warehouse(random: Random, id: number, scale: Scale): Warehouse {
  return {
    w_id: id,
    w_name: alphanumeric(random, 6, 10),
    w_street_1: alphanumeric(random, 10, 20),
    w_street_2: alphanumeric(random, 10, 20),
    w_city: alphanumeric(random, 10, 20),
    w_state: state(random),
    w_zip: zip(random),
    w_tax: random.integer(0, 2000),
    w_ytd: scale.districtsPerWarehouse * scale.customersPerDistrict * FIRST_PAYMENT,
  }
}

export function district(random: Random, warehouse: number, id: number, scale: Scale): District {
  return {
    d_w_id: warehouse,
    d_id: id,
    d_name: alphanumeric(random, 6, 10),
    d_street_1: alphanumeric(random, 10, 20),
    d_street_2: alphanumeric(random, 10, 20),
    d_city: alphanumeric(random, 10, 20),
    d_state: state(random),
    d_zip: zip(random),
    d_tax: random.integer(0, 2000),
    d_ytd: scale.customersPerDistrict * FIRST_PAYMENT,
    d_next_o_id: scale.customersPerDistrict + 1,
  }
}

export function stock(random: Random, warehouse: number, item: number): Stock {
  return {
    s_w_id: warehouse,
    s_i_id: item,
    s_quantity: random.integer(10, 100),
    s_dist_01: alphanumeric(random, 24),
    s_dist_02: alphanumeric(random, 24),
    s_dist_03: alphanumeric(random, 24),
    s_dist_04: alphanumeric(random, 24),
    s_dist_05: alphanumeric(random, 24),
    s_dist_06: alphanumeric(random, 24),
    s_dist_07: alphanumeric(random, 24),
    s_dist_08: alphanumeric(random, 24),
    s_dist_09: alphanumeric(random, 24),
    s_dist_10: alphanumeric(random, 24),
    s_ytd: 0,
    s_order_cnt: 0,
    s_remote_cnt: 0,
    s_data: brandData(random),
  }
}

/** Where a row belongs to, and when the desk opened. */
export interface Place {
  readonly warehouse: number
  readonly district: number
  readonly openedAt: Date
}

export function customer(random: Random, place: Place, id: number, constants: NuRandConstants): Customer {
  // Every last name is taken at least once, and the popular ones more often.
  const name = id <= LAST_NAMES ? id - 1 : nuRand(random, constants, 'lastName', 0, LAST_NAMES - 1)
  return {
    c_w_id: place.warehouse,
    c_d_id: place.district,
    c_id: id,
    c_first: alphanumeric(random, 8, 16),
    c_middle: 'OE',
    c_last: lastName(name),
    c_street_1: alphanumeric(random, 10, 20),
    c_street_2: alphanumeric(random, 10, 20),
    c_city: alphanumeric(random, 10, 20),
    c_state: state(random),
    c_zip: zip(random),
    c_phone: digits(random, 16),
    c_since: place.openedAt,
    c_credit: random.chance(10) ? 'BC' : 'GC',
    c_credit_lim: 50_000_00,
    c_discount: random.integer(0, 5000),
    c_balance: -FIRST_PAYMENT,
    c_ytd_payment: FIRST_PAYMENT,
    c_payment_cnt: 1,
    c_delivery_cnt: 0,
    c_data: alphanumeric(random, 300, 500),
  }
}

export function firstPayment(random: Random, place: Place, customer: number): History {
  return {
    h_c_id: customer,
    h_c_d_id: place.district,
    h_c_w_id: place.warehouse,
    h_d_id: place.district,
    h_w_id: place.warehouse,
    h_date: place.openedAt,
    h_amount: FIRST_PAYMENT,
    h_data: alphanumeric(random, 12, 24),
  }
}

export interface OrderRows {
  readonly order: Order
  readonly lines: readonly OrderLine[]
  /** Only while the order waits for its delivery. */
  readonly waiting: readonly NewOrder[]
}

export function order(random: Random, place: Place, id: number, customer: number, scale: Scale): OrderRows {
  const delivered = id <= deliveredOrders(scale)
  const count = random.integer(5, 15)
  return {
    order: {
      o_w_id: place.warehouse,
      o_d_id: place.district,
      o_id: id,
      o_c_id: customer,
      o_entry_d: place.openedAt,
      o_carrier_id: delivered ? random.integer(1, 10) : null,
      o_ol_cnt: count,
      o_all_local: 1,
    },
    lines: Array.from({ length: count }, (_, index) => ({
      ol_w_id: place.warehouse,
      ol_d_id: place.district,
      ol_o_id: id,
      ol_number: index + 1,
      ol_i_id: random.integer(1, scale.items),
      ol_supply_w_id: place.warehouse,
      ol_delivery_d: delivered ? place.openedAt : null,
      ol_quantity: 5,
      ol_amount: delivered ? 0 : random.integer(1, 9_999_99),
      ol_dist_info: alphanumeric(random, 24),
    })),
    waiting: delivered ? [] : [{ no_w_id: place.warehouse, no_d_id: place.district, no_o_id: id }],
  }
}
