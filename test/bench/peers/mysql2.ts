/** mysql2 by hand: what its documentation shows, with `query` (text) or `execute` (prepared statements). */
import { createPool, type PoolConnection, type RowDataPacket } from 'mysql2/promise'
import type { Contact, User } from '../data/shop.ts'
import { type OpenPeer, type Page, type Peer, poolSize } from './peer.ts'
import {
  ACCOUNT,
  type CustomerRow,
  type DistrictRow,
  found,
  type ItemRow,
  statementByStatement,
  type StockRow,
} from './statement-by-statement.ts'

export const openText: OpenPeer = async (uri) => open(uri, 'query')
export const openPrepared: OpenPeer = async (uri) => open(uri, 'execute')

type Value = string | number | Date | null

function open(uri: string, method: 'query' | 'execute'): Peer {
  const pool = createPool({ uri, connectionLimit: poolSize })

  type Runner = Pick<PoolConnection, 'query' | 'execute'>

  async function rows<Row>(on: Runner, sql: string, values: Value[]): Promise<Row[]> {
    const [found] = await (method === 'query'
      ? on.query<RowDataPacket[]>(sql, values)
      : on.execute<RowDataPacket[]>(sql, values))
    return found as Row[]
  }

  async function write(on: Runner, sql: string, values: Value[]): Promise<void> {
    await (method === 'query' ? on.query(sql, values) : on.execute(sql, values))
  }

  /** A row as an object, so that no value ends in another's column. */
  const insert = (on: Runner, table: string, list: readonly object[]) => {
    const columns = Object.keys(list[0] ?? {})
    const row = `(${columns.map(() => '?').join(', ')})`
    const values = list.flatMap((one) => Object.values(one) as Value[])
    return write(
      on,
      `insert into ${table} (${columns.join(', ')}) values ${list.map(() => row).join(', ')}`,
      values,
    )
  }

  async function transaction<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await pool.getConnection()
    try {
      await connection.beginTransaction()
      const result = await work(connection)
      await connection.commit()
      return result
    } catch (error) {
      await connection.rollback()
      throw error
    } finally {
      connection.release()
    }
  }

  const userById = async (on: Runner, id: number) =>
    found((await rows<User>(on, 'select id, name, email, visits from users where id = ?', [id]))[0])

  const visit = (on: Runner, id: number) =>
    write(on, 'update users set visits = visits + 1 where id = ?', [id])

  const account = `select ${ACCOUNT.join(', ')} from customer where c_w_id = ? and c_d_id = ?`

  return {
    ...statementByStatement<PoolConnection>({
      transaction,
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
      addOrder: (tx, row) => insert(tx, 'orders', [row]),
      addNewOrder: (tx, row) => insert(tx, 'new_order', [row]),
      addLines: (tx, list) => insert(tx, 'order_line', list),
      takeStock: (tx, warehouse, item, quantity) =>
        write(
          tx,
          `update stock set s_quantity = case when s_quantity >= ? then s_quantity - ? else s_quantity + ? end,
           s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + 0
           where s_w_id = ? and s_i_id = ?`,
          [quantity + 10, quantity, 91 - quantity, quantity, warehouse, item],
        ),

      customer: async (tx, { warehouse, district, customer }) =>
        (
          await rows<CustomerRow>(tx, `${account} and c_id = ? for update`, [warehouse, district, customer])
        )[0],
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
      addHistory: (tx, row) => insert(tx, 'history', [row]),
    }),

    async page(user): Promise<Page> {
      const { name } = await userById(pool, user)
      const purchases = await rows<{ id: number; cents: number }>(
        pool,
        'select id, cents from purchases where user_id = ? order by id',
        [user],
      )
      const ids = purchases.map(({ id }) => id)
      const lines = await rows<{ purchase_id: number; product: string; quantity: number }>(
        pool,
        `select purchase_id, product, quantity from purchase_lines where purchase_id in (${marks(ids)}) order by id`,
        ids,
      )
      const byPurchase = Map.groupBy(lines, ({ purchase_id }) => purchase_id)
      return {
        name,
        purchases: purchases.map(({ id, cents }) => ({ id, cents, lines: byPurchase.get(id) ?? [] })),
      }
    },
    user: (id) => userById(pool, id),
    users: (ids) =>
      transaction(async (tx) => {
        const list: User[] = []
        for (const id of ids) list.push(await userById(tx, id))
        return list
      }),
    visit: (id) => visit(pool, id),
    readAndVisit: (id) =>
      transaction(async (tx) => {
        const { visits } = await userById(tx, id)
        await visit(tx, id)
        return visits
      }),
    importContacts: (contacts: readonly Contact[]) => transaction((tx) => insert(tx, 'contacts', contacts)),
    close: () => pool.end(),
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
