/** https://knexjs.org/guide/transactions.html */
import knex, { type Knex } from 'knex'
import type { Database } from '../../../examples/order-desk/schema.ts'
import type { Contact, Purchase, PurchaseLine, User } from '../data/shop.ts'
import { ACCOUNT, type CustomerKey, oneByOne, type StockRow } from './desk-units.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'

export const open: OpenPeer = async (uri) => {
  const db = knex({ client: 'mysql2', connection: uri, pool: { min: 0, max: poolSize } })
  const transaction = <T>(work: (tx: Knex.Transaction) => Promise<T>) => db.transaction(work)

  const account = (tx: Knex.Transaction, { warehouse, district }: Omit<CustomerKey, 'customer'>) =>
    tx<Database['customer']>('customer')
      .select(...ACCOUNT)
      .where({ c_w_id: warehouse, c_d_id: district })
      .forUpdate()

  return {
    ...oneByOne<Knex.Transaction>({
      transaction,
      stock: async (tx, warehouse, items, info) =>
        tx('stock')
          .select<StockRow[]>('s_i_id', 's_quantity', 's_data', `${info} as info`)
          .where('s_w_id', warehouse)
          .whereIn('s_i_id', items)
          .forUpdate(),
      items: async (tx, items) =>
        tx<Database['item']>('item').select('i_id', 'i_name', 'i_price', 'i_data').whereIn('i_id', items),
      district: async (tx, warehouse, district) =>
        tx<Database['district']>('district')
          .where({ d_w_id: warehouse, d_id: district })
          .forUpdate()
          .first('d_tax', 'd_next_o_id'),
      warehouseTax: async (tx, warehouse) =>
        (await tx<Database['warehouse']>('warehouse').where('w_id', warehouse).first('w_tax'))?.w_tax,
      discount: async (tx, { warehouse, district, customer }) =>
        (
          await tx<Database['customer']>('customer')
            .where({ c_w_id: warehouse, c_d_id: district, c_id: customer })
            .first('c_first', 'c_last', 'c_credit', 'c_discount')
        )?.c_discount,
      setNextOrder: async (tx, warehouse, district, next) =>
        tx('district').where({ d_w_id: warehouse, d_id: district }).update({ d_next_o_id: next }),
      addOrder: async (tx, row) => tx('orders').insert(row),
      addNewOrder: async (tx, row) => tx('new_order').insert(row),
      addLines: async (tx, rows) => tx('order_line').insert(rows),
      takeStock: async (tx, warehouse, item, quantity) =>
        tx('stock')
          .where({ s_w_id: warehouse, s_i_id: item })
          .update({
            s_quantity: tx.raw('case when s_quantity >= ? then s_quantity - ? else s_quantity + ? end', [
              quantity + 10,
              quantity,
              91 - quantity,
            ]),
            s_ytd: tx.raw('s_ytd + ?', [quantity]),
            s_order_cnt: tx.raw('s_order_cnt + 1'),
            s_remote_cnt: tx.raw('s_remote_cnt + 0'),
          }),

      customer: async (tx, key) => account(tx, key).where('c_id', key.customer),
      customersByLastName: async (tx, key, lastName) =>
        account(tx, key).where('c_last', lastName).orderBy('c_first'),
      receiveInDistrict: async (tx, warehouse, district, cents) =>
        tx('district').where({ d_w_id: warehouse, d_id: district }).increment('d_ytd', cents),
      receiveInWarehouse: async (tx, warehouse, cents) =>
        tx('warehouse').where('w_id', warehouse).increment('w_ytd', cents),
      districtAddress: async (tx, warehouse, district) =>
        tx<Database['district']>('district')
          .where({ d_w_id: warehouse, d_id: district })
          .first('d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'),
      warehouseAddress: async (tx, warehouse) =>
        tx<Database['warehouse']>('warehouse')
          .where('w_id', warehouse)
          .first('w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'),
      pay: async (tx, { warehouse, district, customer }, cents, data) =>
        tx('customer')
          .where({ c_w_id: warehouse, c_d_id: district, c_id: customer })
          .increment({ c_balance: -cents, c_ytd_payment: cents, c_payment_cnt: 1 })
          .update({ c_data: data }),
      addHistory: async (tx, row) => tx('history').insert(row),
    }),

    ...shopUnits<Knex, Knex.Transaction>({
      direct: db,
      transaction,
      user: async (on, id) => on<User>('users').where('id', id).first('id', 'name', 'email', 'visits'),
      purchases: async (on, user) =>
        on<Purchase>('purchases').select('id', 'cents').where('user_id', user).orderBy('id'),
      lines: async (on, purchases) =>
        on<PurchaseLine>('purchase_lines')
          .select('purchase_id', 'product', 'quantity')
          .whereIn('purchase_id', purchases)
          .orderBy('id'),
      visit: async (on, id) => on('users').where('id', id).increment('visits', 1),
      addContacts: (tx, contacts) => tx.batchInsert<Contact, Contact>('contacts', [...contacts], 1_000),
    }),
    close: () => db.destroy(),
  }
}
