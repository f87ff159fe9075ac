/**
 * The nine tables of clause 1.3, under the specification's own names.
 *
 * Money is whole cents, taxes and discounts are basis points (1/10 000): JavaScript has no decimal type, and
 * integers add up exactly on both sides of the wire, where a DECIMAL would arrive as text.
 */
export interface Database {
  warehouse: Warehouse
  district: District
  customer: Customer
  history: History
  orders: Order
  new_order: NewOrder
  order_line: OrderLine
  item: Item
  stock: Stock
}

export interface Warehouse {
  w_id: number
  w_name: string
  w_street_1: string
  w_street_2: string
  w_city: string
  w_state: string
  w_zip: string
  w_tax: number
  w_ytd: number
}

export interface District {
  d_w_id: number
  d_id: number
  d_name: string
  d_street_1: string
  d_street_2: string
  d_city: string
  d_state: string
  d_zip: string
  d_tax: number
  d_ytd: number
  d_next_o_id: number
}

export interface Customer {
  c_w_id: number
  c_d_id: number
  c_id: number
  c_first: string
  c_middle: string
  c_last: string
  c_street_1: string
  c_street_2: string
  c_city: string
  c_state: string
  c_zip: string
  c_phone: string
  c_since: Date
  c_credit: 'GC' | 'BC'
  c_credit_lim: number
  c_discount: number
  c_balance: number
  c_ytd_payment: number
  c_payment_cnt: number
  c_delivery_cnt: number
  c_data: string
}

export interface History {
  h_c_id: number
  h_c_d_id: number
  h_c_w_id: number
  h_d_id: number
  h_w_id: number
  h_date: Date
  h_amount: number
  h_data: string
}

/** ORDER is a reserved word, hence the plural. */
export interface Order {
  o_w_id: number
  o_d_id: number
  o_id: number
  o_c_id: number
  o_entry_d: Date
  o_carrier_id: number | null
  o_ol_cnt: number
  o_all_local: number
}

export interface NewOrder {
  no_w_id: number
  no_d_id: number
  no_o_id: number
}

export interface OrderLine {
  ol_w_id: number
  ol_d_id: number
  ol_o_id: number
  ol_number: number
  ol_i_id: number
  ol_supply_w_id: number
  ol_delivery_d: Date | null
  ol_quantity: number
  ol_amount: number
  ol_dist_info: string
}

export interface Item {
  i_id: number
  i_im_id: number
  i_name: string
  i_price: number
  i_data: string
}

export interface Stock {
  s_w_id: number
  s_i_id: number
  s_quantity: number
  s_dist_01: string
  s_dist_02: string
  s_dist_03: string
  s_dist_04: string
  s_dist_05: string
  s_dist_06: string
  s_dist_07: string
  s_dist_08: string
  s_dist_09: string
  s_dist_10: string
  s_ytd: number
  s_order_cnt: number
  s_remote_cnt: number
  s_data: string
}
