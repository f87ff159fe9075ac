/** https://orm.drizzle.team/docs/transactions */
import { and, asc, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { drizzle, type MySql2Database } from 'drizzle-orm/mysql2'
import { createPool } from 'mysql2/promise'
import { type CustomerKey, oneByOne } from './desk-units.ts'
import * as t from './drizzle-schema.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'

type Db = Pick<MySql2Database, 'select' | 'insert' | 'update'>

export const open: OpenPeer = async (uri) => {
  const pool = createPool({ uri, connectionLimit: poolSize })
  const db = drizzle(pool)
  const transaction = <T>(work: (tx: Db) => Promise<T>) => db.transaction(work)

  const atDistrict = (warehouse: number, district: number) =>
    and(eq(t.district.d_w_id, warehouse), eq(t.district.d_id, district))
  const ofDistrict = ({ warehouse, district }: Omit<CustomerKey, 'customer'>, which: SQL) =>
    and(eq(t.customer.c_w_id, warehouse), eq(t.customer.c_d_id, district), which)
  const {
    c_w_id: _warehouse,
    c_d_id: _district,
    c_ytd_payment: _ytd,
    c_payment_cnt: _payments,
    c_delivery_cnt: _deliveries,
    ...account
  } = t.columnsOf(t.customer)

  return {
    ...oneByOne<Db>({
      transaction,
      stock: async (tx, warehouse, items, info) => {
        const { s_i_id, s_quantity, s_data, s_w_id, [info]: column } = t.stock
        return tx
          .select({ s_i_id, s_quantity, s_data, info: column })
          .from(t.stock)
          .where(and(eq(s_w_id, warehouse), inArray(s_i_id, [...items])))
          .for('update')
      },
      items: async (tx, items) => {
        const { i_id, i_name, i_price, i_data } = t.item
        return tx
          .select({ i_id, i_name, i_price, i_data })
          .from(t.item)
          .where(inArray(i_id, [...items]))
      },
      district: async (tx, warehouse, district) => {
        const { d_tax, d_next_o_id } = t.district
        const [row] = await tx
          .select({ d_tax, d_next_o_id })
          .from(t.district)
          .where(atDistrict(warehouse, district))
          .for('update')
        return row
      },
      warehouseTax: async (tx, warehouse) => {
        const { w_tax, w_id } = t.warehouse
        const [row] = await tx.select({ w_tax }).from(t.warehouse).where(eq(w_id, warehouse))
        return row?.w_tax
      },
      discount: async (tx, key) => {
        const { c_first, c_last, c_credit, c_discount, c_id } = t.customer
        const [row] = await tx
          .select({ c_first, c_last, c_credit, c_discount })
          .from(t.customer)
          .where(ofDistrict(key, eq(c_id, key.customer)))
        return row?.c_discount
      },
      setNextOrder: (tx, warehouse, district, next) =>
        tx.update(t.district).set({ d_next_o_id: next }).where(atDistrict(warehouse, district)),
      addOrder: (tx, row) => tx.insert(t.orders).values(row),
      addNewOrder: (tx, row) => tx.insert(t.newOrder).values(row),
      addLines: (tx, rows) => tx.insert(t.orderLine).values([...rows]),
      takeStock: (tx, warehouse, item, quantity) => {
        const { s_quantity, s_ytd, s_order_cnt, s_remote_cnt, s_w_id, s_i_id } = t.stock
        return tx
          .update(t.stock)
          .set({
            s_quantity: sql`case when ${s_quantity} >= ${quantity + 10} then ${s_quantity} - ${quantity} else ${s_quantity} + ${91 - quantity} end`,
            s_ytd: sql`${s_ytd} + ${quantity}`,
            s_order_cnt: sql`${s_order_cnt} + 1`,
            s_remote_cnt: sql`${s_remote_cnt} + 0`,
          })
          .where(and(eq(s_w_id, warehouse), eq(s_i_id, item)))
      },

      customer: async (tx, key) =>
        tx
          .select(account)
          .from(t.customer)
          .where(ofDistrict(key, eq(t.customer.c_id, key.customer)))
          .for('update'),
      customersByLastName: async (tx, key, lastName) =>
        tx
          .select(account)
          .from(t.customer)
          .where(ofDistrict(key, eq(t.customer.c_last, lastName)))
          .orderBy(asc(t.customer.c_first))
          .for('update'),
      receiveInDistrict: (tx, warehouse, district, cents) =>
        tx
          .update(t.district)
          .set({ d_ytd: sql`${t.district.d_ytd} + ${cents}` })
          .where(atDistrict(warehouse, district)),
      receiveInWarehouse: (tx, warehouse, cents) =>
        tx
          .update(t.warehouse)
          .set({ w_ytd: sql`${t.warehouse.w_ytd} + ${cents}` })
          .where(eq(t.warehouse.w_id, warehouse)),
      districtAddress: async (tx, warehouse, district) => {
        const { d_name, d_street_1, d_street_2, d_city, d_state, d_zip } = t.district
        const [row] = await tx
          .select({ d_name, d_street_1, d_street_2, d_city, d_state, d_zip })
          .from(t.district)
          .where(atDistrict(warehouse, district))
        return row
      },
      warehouseAddress: async (tx, warehouse) => {
        const { w_name, w_street_1, w_street_2, w_city, w_state, w_zip, w_id } = t.warehouse
        const [row] = await tx
          .select({ w_name, w_street_1, w_street_2, w_city, w_state, w_zip })
          .from(t.warehouse)
          .where(eq(w_id, warehouse))
        return row
      },
      pay: (tx, key, cents, data) => {
        const { c_balance, c_ytd_payment, c_payment_cnt, c_id } = t.customer
        return tx
          .update(t.customer)
          .set({
            c_balance: sql`${c_balance} - ${cents}`,
            c_ytd_payment: sql`${c_ytd_payment} + ${cents}`,
            c_payment_cnt: sql`${c_payment_cnt} + 1`,
            c_data: data,
          })
          .where(ofDistrict(key, eq(c_id, key.customer)))
      },
      addHistory: (tx, row) => tx.insert(t.history).values(row),
    }),

    // Its relational queries need correlated derived tables, which MariaDB does not have.
    ...shopUnits<Db, Db>({
      direct: db,
      transaction,
      user: async (on, id) => (await on.select().from(t.users).where(eq(t.users.id, id)))[0],
      purchases: async (on, user) => {
        const { id, cents, user_id } = t.purchases
        return on.select({ id, cents }).from(t.purchases).where(eq(user_id, user)).orderBy(asc(id))
      },
      lines: async (on, purchases) => {
        const { id, purchase_id, product, quantity } = t.purchaseLines
        return on
          .select({ purchase_id, product, quantity })
          .from(t.purchaseLines)
          .where(inArray(purchase_id, purchases))
          .orderBy(asc(id))
      },
      visit: (on, id) =>
        on
          .update(t.users)
          .set({ visits: sql`${t.users.visits} + 1` })
          .where(eq(t.users.id, id)),
      addContacts: (tx, contacts) => tx.insert(t.contacts).values([...contacts]),
    }),
    close: () => pool.end(),
  }
}
