import {
  all,
  belongsTo,
  defineRepository,
  each,
  type Executor,
  hasMany,
  loader,
  many,
  program,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { Transaction } from 'kysely'

export interface Shop {
  customers: { id: number; name: string }
  orders: { id: number; customer_id: number; status: string }
  order_lines: { id: number; order_id: number; item_id: number; quantity: number }
  items: { id: number; name: string; cents: number }
}

const db = mysqlBuilder<Shop>()

const orders = defineRepository('orders', {
  page: (page: number) =>
    many(
      db
        .selectFrom('orders')
        .selectAll()
        .orderBy('id', 'desc')
        .limit(50)
        .offset(page * 50),
    ),
})

const customers = defineRepository('customers', {
  byIds: (ids: readonly number[]) => many(db.selectFrom('customers').selectAll().where('id', 'in', ids)),
})

const orderLines = defineRepository('orderLines', {
  byOrders: (orders: readonly number[]) =>
    many(db.selectFrom('order_lines').selectAll().where('order_id', 'in', orders).orderBy('id')),
})

const items = defineRepository('items', {
  byIds: (ids: readonly number[]) => many(db.selectFrom('items').selectAll().where('id', 'in', ids)),
})

const customer = belongsTo(customers.byIds, { from: 'customer_id', to: 'id' })
const lines = hasMany(orderLines.byOrders, { from: 'id', to: 'order_id' })
const item = belongsTo(items.byIds, { from: 'item_id', to: 'id' })

export const byRelations = (page: number) => orders.page(page).with({ customer, lines: lines.with({ item }) })

const customerById = loader(customers.byIds, (customer) => customer.id)
const linesByOrder = loader(orderLines.byOrders, (line) => line.order_id)
const itemById = loader(items.byIds, (item) => item.id)

export const byProgram = (page: number) =>
  program(function* () {
    const rows = yield* orders.page(page)
    return yield* each(rows, (order) =>
      program(function* () {
        const customer = customerById.load(order.customer_id)
        const related = yield* all({ customer, lines: linesByOrder.loadMany(order.id) })
        const items = yield* each(related.lines, (line) => itemById.load(line.item_id))
        const lines = related.lines.map((line, index) => ({ ...line, item: items[index] }))
        return { ...order, ...related, lines }
      }),
    )
  })

export const byBody = (page: number) => async (q: Executor<'read'>) => {
  const withItem = async (line: Shop['order_lines']) => ({
    ...line,
    item: await q(itemById.load(line.item_id)),
  })
  const withRelated = async (order: Shop['orders']) => {
    const customer = customerById.load(order.customer_id)
    const related = await q.all({ customer, lines: linesByOrder.loadMany(order.id) })
    return { ...order, ...related, lines: await Promise.all(related.lines.map(withItem)) }
  }
  const rows = await q(orders.page(page))
  return Promise.all(rows.map(withRelated))
}

export async function byHand(trx: Transaction<Shop>, page: number) {
  const orders = await ordersOfPage(trx, page)
  const customers = await customersByIds(trx, [...new Set(orders.map((order) => order.customer_id))])
  const lines = await linesByOrders(
    trx,
    orders.map((order) => order.id),
  )
  const items = await itemsByIds(trx, [...new Set(lines.map((line) => line.item_id))])
  const customerById = new Map(customers.map((customer) => [customer.id, customer]))
  const itemById = new Map(items.map((item) => [item.id, item]))
  const linesByOrder = Map.groupBy(lines, (line) => line.order_id)
  return orders.map((order) => ({
    ...order,
    customer: customerById.get(order.customer_id),
    lines: (linesByOrder.get(order.id) ?? []).map((line) => ({ ...line, item: itemById.get(line.item_id) })),
  }))
}

const ordersOfPage = (trx: Transaction<Shop>, page: number) =>
  trx
    .selectFrom('orders')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(50)
    .offset(page * 50)
    .execute()

const customersByIds = async (trx: Transaction<Shop>, ids: readonly number[]) =>
  ids.length === 0 ? [] : trx.selectFrom('customers').selectAll().where('id', 'in', ids).execute()

const linesByOrders = async (trx: Transaction<Shop>, orders: readonly number[]) =>
  orders.length === 0
    ? []
    : trx.selectFrom('order_lines').selectAll().where('order_id', 'in', orders).orderBy('id').execute()

const itemsByIds = async (trx: Transaction<Shop>, ids: readonly number[]) =>
  ids.length === 0 ? [] : trx.selectFrom('items').selectAll().where('id', 'in', ids).execute()
