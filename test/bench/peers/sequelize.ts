/** https://sequelize.org/docs/v6/other-topics/transactions */
import {
  DataTypes,
  literal,
  type Model,
  type ModelAttributes,
  type ModelStatic,
  Sequelize,
  type Transaction,
} from 'sequelize'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import type { ShopTables } from '../data/shop.ts'
import { type Table, type TableName, tables } from './columns.ts'
import { ACCOUNT, type CustomerKey, oneByOne } from './desk-units.ts'
import { type OpenPeer, type Page, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'

const TYPES = {
  int: DataTypes.INTEGER,
  bigint: DataTypes.BIGINT,
  text: DataTypes.STRING,
  datetime: DataTypes.DATE,
}

type Rows = Desk & ShopTables

export const open: OpenPeer = async (uri) => {
  const sequelize = new Sequelize(uri, { logging: false, pool: { max: poolSize } })

  function define<Name extends TableName>(name: Name) {
    const { key, columns }: Table = tables[name]
    const attributes = Object.entries(columns).map(([column, type]) => [
      column,
      {
        type: TYPES[type.replace('?', '') as keyof typeof TYPES],
        allowNull: type.endsWith('?'),
        primaryKey: key.includes(column),
      },
    ])
    return sequelize.define(name, Object.fromEntries(attributes) as ModelAttributes, {
      tableName: name,
      timestamps: false,
    }) as unknown as ModelStatic<Model<Rows[Name], Rows[Name]> & Rows[Name]>
  }

  const warehouses = define('warehouse')
  const districts = define('district')
  const customers = define('customer')
  const history = define('history')
  const orders = define('orders')
  const newOrders = define('new_order')
  const orderLines = define('order_line')
  const items = define('item')
  const stock = define('stock')
  const users = define('users')
  const purchases = define('purchases')
  const lines = define('purchase_lines')
  const contacts = define('contacts')
  users.hasMany(purchases, { foreignKey: 'user_id', as: 'purchases' })
  purchases.hasMany(lines, { foreignKey: 'purchase_id', as: 'lines' })

  const transaction = <T>(work: (tx: Transaction) => Promise<T>) => sequelize.transaction(work)
  const atDistrict = (warehouse: number, district: number) => ({ d_w_id: warehouse, d_id: district })
  const keyOf = ({ warehouse, district, customer }: CustomerKey) => ({
    c_w_id: warehouse,
    c_d_id: district,
    c_id: customer,
  })
  const within = (tx: Transaction | undefined) => (tx === undefined ? {} : { transaction: tx })
  const locked = (tx: Transaction) => ({ transaction: tx, lock: tx.LOCK.UPDATE })

  return {
    ...oneByOne<Transaction>({
      transaction,
      stock: async (tx, warehouse, ids, info) => {
        const rows = await stock.findAll({
          attributes: ['s_i_id', 's_quantity', 's_data', info],
          where: { s_w_id: warehouse, s_i_id: [...ids] },
          ...locked(tx),
        })
        return rows.map((row) => ({ s_i_id: row.s_i_id, info: row[info] }))
      },
      items: (tx, ids) =>
        items.findAll({
          attributes: ['i_id', 'i_name', 'i_price', 'i_data'],
          where: { i_id: [...ids] },
          transaction: tx,
        }),
      district: async (tx, warehouse, district) =>
        districts.findOne({
          attributes: ['d_tax', 'd_next_o_id'],
          where: atDistrict(warehouse, district),
          rejectOnEmpty: true,
          ...locked(tx),
        }),
      warehouseTax: async (tx, warehouse) =>
        (await warehouses.findByPk(warehouse, { attributes: ['w_tax'], transaction: tx }))?.w_tax,
      discount: async (tx, key) =>
        (
          await customers.findOne({
            attributes: ['c_first', 'c_last', 'c_credit', 'c_discount'],
            where: keyOf(key),
            transaction: tx,
          })
        )?.c_discount,
      setNextOrder: (tx, warehouse, district, next) =>
        districts.update({ d_next_o_id: next }, { where: atDistrict(warehouse, district), transaction: tx }),
      addOrder: (tx, row) => orders.create(row, { transaction: tx }),
      addNewOrder: (tx, row) => newOrders.create(row, { transaction: tx }),
      addLines: (tx, rows) => orderLines.bulkCreate(rows, { transaction: tx }),
      takeStock: (tx, warehouse, item, quantity) =>
        stock.update(
          {
            s_quantity: literal(
              `case when s_quantity >= ${quantity + 10} then s_quantity - ${quantity} else s_quantity + ${91 - quantity} end`,
            ),
            s_ytd: literal(`s_ytd + ${quantity}`),
            s_order_cnt: literal('s_order_cnt + 1'),
            s_remote_cnt: literal('s_remote_cnt + 0'),
          },
          { where: { s_w_id: warehouse, s_i_id: item }, transaction: tx },
        ),

      customer: (tx, key) =>
        customers.findAll({ attributes: [...ACCOUNT], where: keyOf(key), ...locked(tx) }),
      customersByLastName: (tx, { warehouse, district }, lastName) =>
        customers.findAll({
          attributes: [...ACCOUNT],
          where: { c_w_id: warehouse, c_d_id: district, c_last: lastName },
          order: ['c_first'],
          ...locked(tx),
        }),
      receiveInDistrict: (tx, warehouse, district, cents) =>
        districts.increment({ d_ytd: cents }, { where: atDistrict(warehouse, district), transaction: tx }),
      receiveInWarehouse: (tx, warehouse, cents) =>
        warehouses.increment({ w_ytd: cents }, { where: { w_id: warehouse }, transaction: tx }),
      districtAddress: (tx, warehouse, district) =>
        districts.findOne({
          attributes: ['d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'],
          where: atDistrict(warehouse, district),
          rejectOnEmpty: true,
          transaction: tx,
        }),
      warehouseAddress: (tx, warehouse) =>
        warehouses.findByPk(warehouse, {
          attributes: ['w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'],
          rejectOnEmpty: true,
          transaction: tx,
        }),
      pay: (tx, key, cents, data) =>
        customers.update(
          {
            c_balance: literal(`c_balance - ${cents}`),
            c_ytd_payment: literal(`c_ytd_payment + ${cents}`),
            c_payment_cnt: literal('c_payment_cnt + 1'),
            c_data: data,
          },
          { where: keyOf(key), transaction: tx },
        ),
      addHistory: (tx, row) => history.create(row, { transaction: tx }),
    }),

    ...shopUnits<Transaction | undefined, Transaction>({
      direct: undefined,
      transaction,
      user: (on, id) => users.findByPk(id, within(on)),
      purchases: (on, user) => purchases.findAll({ where: { user_id: user }, order: ['id'], ...within(on) }),
      lines: (on, ids) => lines.findAll({ where: { purchase_id: ids }, order: ['id'], ...within(on) }),
      visit: (on, id) => users.increment('visits', { where: { id }, ...within(on) }),
      addContacts: (tx, rows) => contacts.bulkCreate(rows, { transaction: tx }),
    }),
    page: async (id): Promise<Page> =>
      (await users.findByPk(id, {
        include: { association: 'purchases', include: [{ association: 'lines' }] },
        order: [
          ['purchases', 'id', 'ASC'],
          ['purchases', 'lines', 'id', 'ASC'],
        ],
        rejectOnEmpty: true,
      })) as unknown as Page,
    close: () => sequelize.close(),
  }
}
