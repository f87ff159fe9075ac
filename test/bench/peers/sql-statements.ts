/** The statements of the desk and the shop as text, for peers that take SQL as it is. */
import type { Purchase, PurchaseLine, User } from '../data/shop.ts'
import {
  ACCOUNT,
  type CustomerRow,
  type DeskStatements,
  type DistrictRow,
  type ItemRow,
  type StockRow,
} from './desk-units.ts'
import type { ShopStatements } from './shop-units.ts'

export type Value = string | number | Date | null

export interface Sql<On> {
  readonly rows: <Row>(on: On, sql: string, values: Value[]) => Promise<readonly Row[]>
  readonly write: (on: On, sql: string, values: Value[]) => Promise<unknown>
}

export function sqlDesk<Tx>({ rows, write }: Sql<Tx>): Omit<DeskStatements<Tx>, 'transaction'> {
  const account = `select ${ACCOUNT.join(', ')} from customer where c_w_id = ? and c_d_id = ?`
  const add = (tx: Tx, table: string, list: readonly object[]) => write(tx, ...insert(table, list))

  return {
    stock: (tx, warehouse, items, info) =>
      rows<StockRow>(
        tx,
        `select s_i_id, s_quantity, s_data, ${info} as info from stock where s_w_id = ? and s_i_id in (${marks(items)}) for update`,
        [warehouse, ...items],
      ),
    items: (tx, items) =>
      rows<ItemRow>(tx, `select i_id, i_name, i_price, i_data from item where i_id in (${marks(items)})`, [
        ...items,
      ]),
    district: async (tx, ...key) =>
      (
        await rows<DistrictRow>(
          tx,
          'select d_tax, d_next_o_id from district where d_w_id = ? and d_id = ? for update',
          key,
        )
      )[0],
    warehouseTax: async (tx, warehouse) =>
      (await rows<{ w_tax: number }>(tx, 'select w_tax from warehouse where w_id = ?', [warehouse]))[0]
        ?.w_tax,
    discount: async (tx, { warehouse, district, customer }) =>
      (
        await rows<{ c_discount: number }>(
          tx,
          'select c_first, c_last, c_credit, c_discount from customer where c_w_id = ? and c_d_id = ? and c_id = ?',
          [warehouse, district, customer],
        )
      )[0]?.c_discount,
    setNextOrder: (tx, warehouse, district, next) =>
      write(tx, 'update district set d_next_o_id = ? where d_w_id = ? and d_id = ?', [
        next,
        warehouse,
        district,
      ]),
    addOrder: (tx, row) => add(tx, 'orders', [row]),
    addNewOrder: (tx, row) => add(tx, 'new_order', [row]),
    addLines: (tx, list) => add(tx, 'order_line', list),
    takeStock: (tx, warehouse, item, quantity) =>
      write(
        tx,
        `update stock set s_quantity = case when s_quantity >= ? then s_quantity - ? else s_quantity + ? end,
         s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + 0
         where s_w_id = ? and s_i_id = ?`,
        [quantity + 10, quantity, 91 - quantity, quantity, warehouse, item],
      ),

    customer: (tx, { warehouse, district, customer }) =>
      rows<CustomerRow>(tx, `${account} and c_id = ? for update`, [warehouse, district, customer]),
    customersByLastName: (tx, { warehouse, district }, lastName) =>
      rows<CustomerRow>(tx, `${account} and c_last = ? order by c_first for update`, [
        warehouse,
        district,
        lastName,
      ]),
    receiveInDistrict: (tx, warehouse, district, cents) =>
      write(tx, 'update district set d_ytd = d_ytd + ? where d_w_id = ? and d_id = ?', [
        cents,
        warehouse,
        district,
      ]),
    receiveInWarehouse: (tx, warehouse, cents) =>
      write(tx, 'update warehouse set w_ytd = w_ytd + ? where w_id = ?', [cents, warehouse]),
    districtAddress: async (tx, ...key) =>
      (
        await rows<{ d_name: string }>(
          tx,
          'select d_name, d_street_1, d_street_2, d_city, d_state, d_zip from district where d_w_id = ? and d_id = ?',
          key,
        )
      )[0],
    warehouseAddress: async (tx, warehouse) =>
      (
        await rows<{ w_name: string }>(
          tx,
          'select w_name, w_street_1, w_street_2, w_city, w_state, w_zip from warehouse where w_id = ?',
          [warehouse],
        )
      )[0],
    pay: (tx, { warehouse, district, customer }, cents, data) =>
      write(
        tx,
        `update customer set c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?,
         c_payment_cnt = c_payment_cnt + 1, c_data = ? where c_w_id = ? and c_d_id = ? and c_id = ?`,
        [cents, cents, data, warehouse, district, customer],
      ),
    addHistory: (tx, row) => add(tx, 'history', [row]),
  }
}

export function sqlShop<On>({
  rows,
  write,
}: Sql<On>): Omit<ShopStatements<On, On>, 'direct' | 'transaction'> {
  return {
    user: async (on, id) =>
      (await rows<User>(on, 'select id, name, email, visits from users where id = ?', [id]))[0],
    purchases: (on, user) =>
      rows<Purchase>(on, 'select id, cents from purchases where user_id = ? order by id', [user]),
    lines: (on, purchases) =>
      rows<PurchaseLine>(
        on,
        `select purchase_id, product, quantity from purchase_lines where purchase_id in (${marks(purchases)}) order by id`,
        purchases,
      ),
    visit: (on, id) => write(on, 'update users set visits = visits + 1 where id = ?', [id]),
    addContacts: (on, contacts) => write(on, ...insert('contacts', contacts)),
  }
}

/** The text, and the values in the order of its placeholders. */
function insert(table: string, list: readonly object[]): [sql: string, values: Value[]] {
  const columns = Object.keys(list[0] ?? {})
  const row = `(${marks(columns)})`
  return [
    `insert into ${table} (${columns.join(', ')}) values ${list.map(() => row).join(', ')}`,
    list.flatMap((one) => Object.values(one) as Value[]),
  ]
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
