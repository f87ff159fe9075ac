import { bigint, char, datetime, int, mysqlTable, primaryKey, tinyint, varchar } from 'drizzle-orm/mysql-core'

export { getTableColumns as columnsOf } from 'drizzle-orm'

const whole = () => int().notNull()
const cents = () => bigint({ mode: 'number' }).notNull()
const text = (length: number) => varchar({ length }).notNull()
const fixed = (length: number) => char({ length }).notNull()

export const warehouse = mysqlTable('warehouse', {
  w_id: int().primaryKey(),
  w_name: text(10),
  w_street_1: text(20),
  w_street_2: text(20),
  w_city: text(20),
  w_state: fixed(2),
  w_zip: fixed(9),
  w_tax: whole(),
  w_ytd: cents(),
})

export const district = mysqlTable(
  'district',
  {
    d_w_id: whole(),
    d_id: whole(),
    d_name: text(10),
    d_street_1: text(20),
    d_street_2: text(20),
    d_city: text(20),
    d_state: fixed(2),
    d_zip: fixed(9),
    d_tax: whole(),
    d_ytd: cents(),
    d_next_o_id: whole(),
  },
  (t) => [primaryKey({ columns: [t.d_w_id, t.d_id] })],
)

export const customer = mysqlTable(
  'customer',
  {
    c_w_id: whole(),
    c_d_id: whole(),
    c_id: whole(),
    c_first: text(16),
    c_middle: fixed(2),
    c_last: text(16),
    c_street_1: text(20),
    c_street_2: text(20),
    c_city: text(20),
    c_state: fixed(2),
    c_zip: fixed(9),
    c_phone: fixed(16),
    c_since: datetime().notNull(),
    c_credit: fixed(2),
    c_credit_lim: cents(),
    c_discount: whole(),
    c_balance: cents(),
    c_ytd_payment: cents(),
    c_payment_cnt: whole(),
    c_delivery_cnt: whole(),
    c_data: text(500),
  },
  (t) => [primaryKey({ columns: [t.c_w_id, t.c_d_id, t.c_id] })],
)

export const history = mysqlTable('history', {
  h_c_id: whole(),
  h_c_d_id: whole(),
  h_c_w_id: whole(),
  h_d_id: whole(),
  h_w_id: whole(),
  h_date: datetime().notNull(),
  h_amount: whole(),
  h_data: text(24),
})

export const orders = mysqlTable(
  'orders',
  {
    o_w_id: whole(),
    o_d_id: whole(),
    o_id: whole(),
    o_c_id: whole(),
    o_entry_d: datetime().notNull(),
    o_carrier_id: int(),
    o_ol_cnt: whole(),
    o_all_local: tinyint().notNull(),
  },
  (t) => [primaryKey({ columns: [t.o_w_id, t.o_d_id, t.o_id] })],
)

export const newOrder = mysqlTable(
  'new_order',
  { no_w_id: whole(), no_d_id: whole(), no_o_id: whole() },
  (t) => [primaryKey({ columns: [t.no_w_id, t.no_d_id, t.no_o_id] })],
)

export const orderLine = mysqlTable(
  'order_line',
  {
    ol_w_id: whole(),
    ol_d_id: whole(),
    ol_o_id: whole(),
    ol_number: whole(),
    ol_i_id: whole(),
    ol_supply_w_id: whole(),
    ol_delivery_d: datetime(),
    ol_quantity: whole(),
    ol_amount: whole(),
    ol_dist_info: fixed(24),
  },
  (t) => [primaryKey({ columns: [t.ol_w_id, t.ol_d_id, t.ol_o_id, t.ol_number] })],
)

export const item = mysqlTable('item', {
  i_id: int().primaryKey(),
  i_im_id: whole(),
  i_name: text(24),
  i_price: whole(),
  i_data: text(50),
})

export const stock = mysqlTable(
  'stock',
  {
    s_w_id: whole(),
    s_i_id: whole(),
    s_quantity: whole(),
    s_dist_01: fixed(24),
    s_dist_02: fixed(24),
    s_dist_03: fixed(24),
    s_dist_04: fixed(24),
    s_dist_05: fixed(24),
    s_dist_06: fixed(24),
    s_dist_07: fixed(24),
    s_dist_08: fixed(24),
    s_dist_09: fixed(24),
    s_dist_10: fixed(24),
    s_ytd: whole(),
    s_order_cnt: whole(),
    s_remote_cnt: whole(),
    s_data: text(50),
  },
  (t) => [primaryKey({ columns: [t.s_w_id, t.s_i_id] })],
)

export const users = mysqlTable('users', {
  id: int().primaryKey(),
  name: text(40),
  email: text(60),
  visits: whole(),
})

export const purchases = mysqlTable('purchases', {
  id: int().primaryKey(),
  user_id: whole(),
  cents: whole(),
})

export const purchaseLines = mysqlTable('purchase_lines', {
  id: int().primaryKey(),
  purchase_id: whole(),
  product: text(40),
  quantity: whole(),
})

export const contacts = mysqlTable('contacts', {
  id: int().primaryKey(),
  name: text(40),
  email: text(60),
  score: whole(),
})
