/** https://typeorm.io/docs/advanced-topics/transactions */
import { DataSource, type EntityManager, EntitySchema, type EntitySchemaOptions, In } from 'typeorm'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import type * as Shop from '../data/shop.ts'
import { type Table, type TableName, tables } from './columns.ts'
import { ACCOUNT, type CustomerKey, found, oneByOne } from './desk-units.ts'
import { type OpenPeer, type Page, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'

interface User extends Shop.User {
  readonly purchases: (Shop.Purchase & { readonly lines: Shop.PurchaseLine[] })[]
}

/** Numbers of the type BIGINT are declared as INT, since TypeORM would make strings of them. */
function entity<Row extends object>(
  name: TableName,
  relations: NonNullable<EntitySchemaOptions<Row>['relations']> = {},
): EntitySchema<Row> {
  const { key, columns }: Table = tables[name]
  const typed = Object.entries(columns).map(([column, type]) => [
    column,
    {
      type: type.startsWith('text') ? 'varchar' : type.startsWith('datetime') ? 'datetime' : 'int',
      nullable: type.endsWith('?'),
      primary: key.includes(column),
    },
  ])
  return new EntitySchema<Row>({
    name,
    tableName: name,
    columns: Object.fromEntries(typed) as EntitySchemaOptions<Row>['columns'],
    relations,
  })
}

const warehouses = entity<Desk['warehouse']>('warehouse')
const districts = entity<Desk['district']>('district')
const customers = entity<Desk['customer']>('customer')
const history = entity<Desk['history']>('history')
const orders = entity<Desk['orders']>('orders')
const newOrders = entity<Desk['new_order']>('new_order')
const orderLines = entity<Desk['order_line']>('order_line')
const items = entity<Desk['item']>('item')
const stock = entity<Desk['stock']>('stock')
const users = entity<User>('users', {
  purchases: { type: 'one-to-many', target: 'purchases', inverseSide: 'user' },
})
const purchases = entity<Shop.Purchase & { user?: User; lines?: Shop.PurchaseLine[] }>('purchases', {
  user: { type: 'many-to-one', target: 'users', inverseSide: 'purchases', joinColumn: { name: 'user_id' } },
  lines: { type: 'one-to-many', target: 'purchase_lines', inverseSide: 'purchase' },
})
const purchaseLines = entity<Shop.PurchaseLine & { purchase?: Shop.Purchase }>('purchase_lines', {
  purchase: {
    type: 'many-to-one',
    target: 'purchases',
    inverseSide: 'lines',
    joinColumn: { name: 'purchase_id' },
  },
})
const contacts = entity<Shop.Contact>('contacts')

const entities = [
  warehouses,
  districts,
  customers,
  history,
  orders,
  newOrders,
  orderLines,
  items,
  stock,
  users,
  purchases,
  purchaseLines,
  contacts,
]

/** Named one by one, as TypeORM wants its selections. */
const only = <Column extends string>(...columns: readonly Column[]) =>
  Object.fromEntries(columns.map((column) => [column, true])) as Record<Column, true>

const lock = { mode: 'pessimistic_write' } as const

export const open: OpenPeer = async (uri) => {
  const source = new DataSource({ type: 'mysql', url: uri, entities, poolSize })
  await source.initialize()
  const transaction = <T>(work: (tx: EntityManager) => Promise<T>) => source.transaction(work)

  const account = ({ warehouse, district }: Omit<CustomerKey, 'customer'>) => ({
    select: only(...ACCOUNT),
    where: { c_w_id: warehouse, c_d_id: district },
    lock,
  })
  const keyOf = ({ warehouse, district, customer }: CustomerKey) => ({
    c_w_id: warehouse,
    c_d_id: district,
    c_id: customer,
  })

  return {
    ...oneByOne<EntityManager>({
      transaction,
      stock: async (tx, warehouse, ids, info) => {
        const rows = await tx.find(stock, {
          select: only('s_i_id', 's_quantity', 's_data', info),
          where: { s_w_id: warehouse, s_i_id: In(ids) },
          lock,
        })
        return rows.map((row) => ({ s_i_id: row.s_i_id, info: row[info] }))
      },
      items: (tx, ids) =>
        tx.find(items, { select: only('i_id', 'i_name', 'i_price', 'i_data'), where: { i_id: In(ids) } }),
      district: async (tx, warehouse, district) =>
        found(
          await tx.findOne(districts, {
            select: only('d_tax', 'd_next_o_id'),
            where: { d_w_id: warehouse, d_id: district },
            lock,
          }),
        ),
      warehouseTax: async (tx, warehouse) =>
        (await tx.findOneOrFail(warehouses, { select: only('w_tax'), where: { w_id: warehouse } })).w_tax,
      discount: async (tx, key) =>
        (
          await tx.findOneOrFail(customers, {
            select: only('c_first', 'c_last', 'c_credit', 'c_discount'),
            where: keyOf(key),
          })
        ).c_discount,
      setNextOrder: (tx, warehouse, district, next) =>
        tx.update(districts, { d_w_id: warehouse, d_id: district }, { d_next_o_id: next }),
      addOrder: (tx, row) => tx.insert(orders, row),
      addNewOrder: (tx, row) => tx.insert(newOrders, row),
      addLines: (tx, rows) => tx.insert(orderLines, [...rows]),
      takeStock: (tx, warehouse, item, quantity) =>
        tx
          .createQueryBuilder()
          .update(stock)
          .set({
            s_quantity: () =>
              'case when s_quantity >= :atLeast then s_quantity - :quantity else s_quantity + :restocked end',
            s_ytd: () => 's_ytd + :quantity',
            s_order_cnt: () => 's_order_cnt + 1',
            s_remote_cnt: () => 's_remote_cnt + 0',
          })
          .where({ s_w_id: warehouse, s_i_id: item })
          .setParameters({ atLeast: quantity + 10, quantity, restocked: 91 - quantity })
          .execute(),

      customer: (tx, key) => tx.find(customers, { ...account(key), where: keyOf(key) }),
      customersByLastName: (tx, key, lastName) => {
        const { where, ...rest } = account(key)
        return tx.find(customers, {
          ...rest,
          where: { ...where, c_last: lastName },
          order: { c_first: 'ASC' },
        })
      },
      receiveInDistrict: (tx, warehouse, district, cents) =>
        tx.increment(districts, { d_w_id: warehouse, d_id: district }, 'd_ytd', cents),
      receiveInWarehouse: (tx, warehouse, cents) =>
        tx.increment(warehouses, { w_id: warehouse }, 'w_ytd', cents),
      districtAddress: (tx, warehouse, district) =>
        tx.findOneOrFail(districts, {
          select: only('d_name', 'd_street_1', 'd_street_2', 'd_city', 'd_state', 'd_zip'),
          where: { d_w_id: warehouse, d_id: district },
        }),
      warehouseAddress: (tx, warehouse) =>
        tx.findOneOrFail(warehouses, {
          select: only('w_name', 'w_street_1', 'w_street_2', 'w_city', 'w_state', 'w_zip'),
          where: { w_id: warehouse },
        }),
      pay: (tx, key, cents, data) =>
        tx
          .createQueryBuilder()
          .update(customers)
          .set({
            c_balance: () => 'c_balance - :cents',
            c_ytd_payment: () => 'c_ytd_payment + :cents',
            c_payment_cnt: () => 'c_payment_cnt + 1',
            c_data: data,
          })
          .where(keyOf(key))
          .setParameters({ cents })
          .execute(),
      addHistory: (tx, row) => tx.insert(history, row),
    }),

    ...shopUnits<EntityManager, EntityManager>({
      direct: source.manager,
      transaction,
      user: (on, id) => on.findOneBy(users, { id }),
      purchases: (on, user) => on.find(purchases, { where: { user_id: user }, order: { id: 'ASC' } }),
      lines: (on, ids) => on.find(purchaseLines, { where: { purchase_id: In(ids) }, order: { id: 'ASC' } }),
      visit: (on, id) => on.increment(users, { id }, 'visits', 1),
      addContacts: (tx, rows) => tx.insert(contacts, [...rows]),
    }),
    page: (id): Promise<Page> =>
      source.manager.findOneOrFail(users, {
        where: { id },
        relations: { purchases: { lines: true } },
        order: { purchases: { id: 'ASC', lines: { id: 'ASC' } } },
      }),
    close: () => source.destroy(),
  }
}
