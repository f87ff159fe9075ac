/** https://vincit.github.io/objection.js/guide/transactions.html */
import knex from 'knex'
import { Model, type ModelClass, raw, type Transaction } from 'objection'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import { ACCOUNT, type CustomerKey, oneByOne, type StockRow } from './desk-units.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'

/** A model of a table, with the columns of its rows. */
function modelOf<Row>(tableName: string, idColumn: string | string[]) {
  const Named = class extends Model {
    static override tableName = tableName
    static override idColumn = idColumn
  }
  return Named as unknown as ModelClass<Model & Row>
}

const Warehouse = modelOf<Desk['warehouse']>('warehouse', 'w_id')
const District = modelOf<Desk['district']>('district', ['d_w_id', 'd_id'])
const Customer = modelOf<Desk['customer']>('customer', ['c_w_id', 'c_d_id', 'c_id'])
const History = modelOf<Desk['history']>('history', ['h_c_w_id', 'h_c_d_id', 'h_c_id', 'h_date'])
const Order = modelOf<Desk['orders']>('orders', ['o_w_id', 'o_d_id', 'o_id'])
const NewOrder = modelOf<Desk['new_order']>('new_order', ['no_w_id', 'no_d_id', 'no_o_id'])
const OrderLine = modelOf<Desk['order_line']>('order_line', ['ol_w_id', 'ol_d_id', 'ol_o_id', 'ol_number'])
const Item = modelOf<Desk['item']>('item', 'i_id')
const Stock = modelOf<Desk['stock']>('stock', ['s_w_id', 's_i_id'])

class Line extends Model {
  static override tableName = 'purchase_lines'
  declare id: number
  declare purchase_id: number
  declare product: string
  declare quantity: number
}

class Purchase extends Model {
  static override tableName = 'purchases'
  declare id: number
  declare cents: number
  declare lines: Line[]
  static override relationMappings = {
    lines: {
      relation: Model.HasManyRelation,
      modelClass: Line,
      join: { from: 'purchases.id', to: 'purchase_lines.purchase_id' },
    },
  }
}

class User extends Model {
  static override tableName = 'users'
  declare id: number
  declare name: string
  declare email: string
  declare visits: number
  declare purchases: Purchase[]
  static override relationMappings = {
    purchases: {
      relation: Model.HasManyRelation,
      modelClass: Purchase,
      join: { from: 'users.id', to: 'purchases.user_id' },
    },
  }
}

class Contact extends Model {
  static override tableName = 'contacts'
}

export const open: OpenPeer = async (uri) => {
  const db = knex({ client: 'mysql2', connection: uri, pool: { min: 0, max: poolSize } })
  Model.knex(db)
  const transaction = <T>(work: (tx: Transaction) => Promise<T>) => Model.transaction(work)

  const account = (tx: Transaction, { warehouse, district }: Omit<CustomerKey, 'customer'>) =>
    Customer.query(tx)
      .select(...ACCOUNT)
      .where({ c_w_id: warehouse, c_d_id: district })
      .forUpdate()

  return {
    ...oneByOne<Transaction>({
      transaction,
      stock: async (tx, warehouse, items, info) =>
        (await Stock.query(tx)
          .select('s_i_id', 's_quantity', 's_data', `${info} as info`)
          .where('s_w_id', warehouse)
          .whereIn('s_i_id', [...items])
          .forUpdate()) as unknown as StockRow[],
      items: async (tx, items) =>
        Item.query(tx)
          .select('i_id', 'i_name', 'i_price', 'i_data')
          .whereIn('i_id', [...items]),
      district: async (tx, warehouse, district) =>
        District.query(tx).findById([warehouse, district]).select('d_tax', 'd_next_o_id').forUpdate(),
      warehouseTax: async (tx, warehouse) =>
        (await Warehouse.query(tx).findById(warehouse).select('w_tax'))?.w_tax,
      discount: async (tx, { warehouse, district, customer }) =>
        (
          await Customer.query(tx)
            .findById([warehouse, district, customer])
            .select('c_first', 'c_last', 'c_credit', 'c_discount')
        )?.c_discount,
      setNextOrder: async (tx, warehouse, district, next) =>
        District.query(tx).findById([warehouse, district]).patch({ d_next_o_id: next }),
      addOrder: async (tx, row) => Order.query(tx).insert(row),
      addNewOrder: async (tx, row) => NewOrder.query(tx).insert(row),
      // Its own insert takes a list on other databases only, for which it names the way through knex.
      addLines: async (tx, [first, ...others]) => {
        if (first === undefined) return
        if (others.length === 0) await OrderLine.query(tx).insert(first)
        else
          await OrderLine.knexQuery()
            .transacting(tx)
            .insert([first, ...others])
      },
      takeStock: async (tx, warehouse, item, quantity) =>
        Stock.query(tx)
          .findById([warehouse, item])
          .patch({
            s_quantity: raw('case when s_quantity >= ? then s_quantity - ? else s_quantity + ? end', [
              quantity + 10,
              quantity,
              91 - quantity,
            ]),
            s_ytd: raw('s_ytd + ?', [quantity]),
            s_order_cnt: raw('s_order_cnt + 1'),
            s_remote_cnt: raw('s_remote_cnt + 0'),
          }),

      customer: async (tx, key) => account(tx, key).where('c_id', key.customer),
      customersByLastName: async (tx, key, lastName) =>
        account(tx, key).where('c_last', lastName).orderBy('c_first'),
      receiveInDistrict: async (tx, warehouse, district, cents) =>
        District.query(tx).findById([warehouse, district]).increment('d_ytd', cents),
      receiveInWarehouse: async (tx, warehouse, cents) =>
        Warehouse.query(tx).findById(warehouse).increment('w_ytd', cents),
      districtAddress: async (tx, warehouse, district) =>
        District.query(tx)
          .findById([warehouse, district])
          .select('d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'),
      warehouseAddress: async (tx, warehouse) =>
        Warehouse.query(tx)
          .findById(warehouse)
          .select('w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'),
      pay: async (tx, { warehouse, district, customer }, cents, data) =>
        Customer.query(tx)
          .findById([warehouse, district, customer])
          .patch({
            c_balance: raw('c_balance - ?', [cents]),
            c_ytd_payment: raw('c_ytd_payment + ?', [cents]),
            c_payment_cnt: raw('c_payment_cnt + 1'),
            c_data: data,
          }),
      addHistory: async (tx, row) => History.query(tx).insert(row),
    }),

    ...shopUnits<Transaction | undefined, Transaction>({
      direct: undefined,
      transaction,
      user: async (on, id) => User.query(on).findById(id),
      purchases: async (on, user) => Purchase.query(on).where('user_id', user).orderBy('id'),
      lines: async (on, purchases) => Line.query(on).whereIn('purchase_id', purchases).orderBy('id'),
      visit: async (on, id) => User.query(on).findById(id).increment('visits', 1),
      addContacts: async (tx, contacts) => Contact.knexQuery().transacting(tx).insert(contacts),
    }),
    page: async (id) =>
      User.query()
        .findById(id)
        .withGraphFetched('purchases.lines')
        .modifyGraph('purchases', (purchases) => {
          void purchases.orderBy('id')
        })
        .modifyGraph('purchases.lines', (lines) => {
          void lines.orderBy('id')
        })
        .throwIfNotFound(),
    close: () => db.destroy(),
  }
}
