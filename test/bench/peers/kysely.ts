/** https://kysely.dev/docs/examples/transactions/simple-transaction */
import { Kysely, MysqlDialect, type Transaction } from 'kysely'
import { createPool } from 'mysql2'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import type { ShopTables } from '../data/shop.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { ACCOUNT, type CustomerKey, oneByOne } from './desk-units.ts'
import { shopUnits } from './shop-units.ts'

type Database = Desk & ShopTables

export const open: OpenPeer = async (uri) => {
  const db = new Kysely<Database>({
    dialect: new MysqlDialect({ pool: createPool({ uri, connectionLimit: poolSize }) }),
  })
  const transaction = <T>(work: (tx: Transaction<Database>) => Promise<T>) => db.transaction().execute(work)

  const account = (tx: Transaction<Database>, { warehouse, district }: Omit<CustomerKey, 'customer'>) =>
    tx
      .selectFrom('customer')
      .select(ACCOUNT)
      .where('c_w_id', '=', warehouse)
      .where('c_d_id', '=', district)
      .forUpdate()

  return {
    ...oneByOne<Transaction<Database>>({
      transaction,
      stock: (tx, warehouse, items, info) =>
        tx
          .selectFrom('stock')
          .select(['s_i_id', 's_quantity', 's_data', `${info} as info`])
          .where('s_w_id', '=', warehouse)
          .where('s_i_id', 'in', items)
          .forUpdate()
          .execute(),
      items: (tx, items) =>
        tx
          .selectFrom('item')
          .select(['i_id', 'i_name', 'i_price', 'i_data'])
          .where('i_id', 'in', items)
          .execute(),
      district: (tx, warehouse, district) =>
        tx
          .selectFrom('district')
          .select(['d_tax', 'd_next_o_id'])
          .where('d_w_id', '=', warehouse)
          .where('d_id', '=', district)
          .forUpdate()
          .executeTakeFirst(),
      warehouseTax: async (tx, warehouse) =>
        (await tx.selectFrom('warehouse').select('w_tax').where('w_id', '=', warehouse).executeTakeFirst())
          ?.w_tax,
      discount: async (tx, { warehouse, district, customer }) =>
        (
          await tx
            .selectFrom('customer')
            .select(['c_first', 'c_last', 'c_credit', 'c_discount'])
            .where('c_w_id', '=', warehouse)
            .where('c_d_id', '=', district)
            .where('c_id', '=', customer)
            .executeTakeFirst()
        )?.c_discount,
      setNextOrder: (tx, warehouse, district, next) =>
        tx
          .updateTable('district')
          .set({ d_next_o_id: next })
          .where('d_w_id', '=', warehouse)
          .where('d_id', '=', district)
          .execute(),
      addOrder: (tx, row) => tx.insertInto('orders').values(row).execute(),
      addNewOrder: (tx, row) => tx.insertInto('new_order').values(row).execute(),
      addLines: (tx, rows) => tx.insertInto('order_line').values(rows).execute(),
      takeStock: (tx, warehouse, item, quantity) =>
        tx
          .updateTable('stock')
          .set((e) => ({
            s_quantity: e
              .case()
              .when('s_quantity', '>=', quantity + 10)
              .then(e('s_quantity', '-', quantity))
              .else(e('s_quantity', '+', 91 - quantity))
              .end(),
            s_ytd: e('s_ytd', '+', quantity),
            s_order_cnt: e('s_order_cnt', '+', 1),
            s_remote_cnt: e('s_remote_cnt', '+', 0),
          }))
          .where('s_w_id', '=', warehouse)
          .where('s_i_id', '=', item)
          .execute(),

      customer: (tx, key) => account(tx, key).where('c_id', '=', key.customer).execute(),
      customersByLastName: (tx, key, lastName) =>
        account(tx, key).where('c_last', '=', lastName).orderBy('c_first').execute(),
      receiveInDistrict: (tx, warehouse, district, cents) =>
        tx
          .updateTable('district')
          .set((e) => ({ d_ytd: e('d_ytd', '+', cents) }))
          .where('d_w_id', '=', warehouse)
          .where('d_id', '=', district)
          .execute(),
      receiveInWarehouse: (tx, warehouse, cents) =>
        tx
          .updateTable('warehouse')
          .set((e) => ({ w_ytd: e('w_ytd', '+', cents) }))
          .where('w_id', '=', warehouse)
          .execute(),
      districtAddress: (tx, warehouse, district) =>
        tx
          .selectFrom('district')
          .select(['d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'])
          .where('d_w_id', '=', warehouse)
          .where('d_id', '=', district)
          .executeTakeFirst(),
      warehouseAddress: (tx, warehouse) =>
        tx
          .selectFrom('warehouse')
          .select(['w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'])
          .where('w_id', '=', warehouse)
          .executeTakeFirst(),
      pay: (tx, { warehouse, district, customer }, cents, data) =>
        tx
          .updateTable('customer')
          .set((e) => ({
            c_balance: e('c_balance', '-', cents),
            c_ytd_payment: e('c_ytd_payment', '+', cents),
            c_payment_cnt: e('c_payment_cnt', '+', 1),
            c_data: data,
          }))
          .where('c_w_id', '=', warehouse)
          .where('c_d_id', '=', district)
          .where('c_id', '=', customer)
          .execute(),
      addHistory: (tx, row) => tx.insertInto('history').values(row).execute(),
    }),

    // Its helpers for relations need correlated derived tables, which MariaDB does not have.
    ...shopUnits<Kysely<Database>, Transaction<Database>>({
      direct: db,
      transaction,
      user: (on, id) => on.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst(),
      purchases: (on, user) =>
        on
          .selectFrom('purchases')
          .select(['id', 'cents'])
          .where('user_id', '=', user)
          .orderBy('id')
          .execute(),
      lines: (on, purchases) =>
        on
          .selectFrom('purchase_lines')
          .select(['purchase_id', 'product', 'quantity'])
          .where('purchase_id', 'in', purchases)
          .orderBy('id')
          .execute(),
      visit: (on, id) =>
        on
          .updateTable('users')
          .set((e) => ({ visits: e('visits', '+', 1) }))
          .where('id', '=', id)
          .execute(),
      addContacts: (tx, contacts) => tx.insertInto('contacts').values(contacts).execute(),
    }),
    close: () => db.destroy(),
  }
}
