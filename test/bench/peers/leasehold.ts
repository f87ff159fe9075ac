import { affected, all, createUnitOfWork, defineRepository, many, one, program } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { customers } from '../../../examples/order-desk/repositories/customers.ts'
import { districts } from '../../../examples/order-desk/repositories/districts.ts'
import { newOrders } from '../../../examples/order-desk/repositories/new-orders.ts'
import { orderLines } from '../../../examples/order-desk/repositories/order-lines.ts'
import { orders } from '../../../examples/order-desk/repositories/orders.ts'
import { stock } from '../../../examples/order-desk/repositories/stock.ts'
import { warehouses } from '../../../examples/order-desk/repositories/warehouses.ts'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import { newOrder, type NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import { payment } from '../../../examples/order-desk/transactions/payment.ts'
import type { Contact, ShopTables } from '../data/shop.ts'
import { type OpenPeer, type Peer, poolSize } from './peer.ts'
import { found, inLockOrder, infoColumn, lineRow, orderRow, totalOf } from './desk-units.ts'
import { pageOf } from './shop-units.ts'

export const openPipelined: OpenPeer = async (uri) => open(uri, {})
/** Without what would take a minute. */
export const openSerial: OpenPeer = async (uri) => {
  const { manyReads: _, ...peer } = open(uri, { pipeline: false })
  return peer
}

const db = mysqlBuilder<Desk & ShopTables>()

const users = defineRepository('users', {
  byId: (id: number) => one(db.selectFrom('users').selectAll().where('id', '=', id)),
  // Unchecked, as the peers have it.
  visit: (id: number) =>
    affected(
      db
        .updateTable('users')
        .set((e) => ({ visits: e('visits', '+', 1) }))
        .where('id', '=', id),
    ),
})

const purchases = defineRepository('purchases', {
  of: (user: number) =>
    many(db.selectFrom('purchases').select(['id', 'cents']).where('user_id', '=', user).orderBy('id')),
  linesOf: (ids: readonly number[]) =>
    many(
      db
        .selectFrom('purchase_lines')
        .select(['purchase_id', 'product', 'quantity'])
        .where('purchase_id', 'in', ids)
        .orderBy('id'),
    ),
})

const contacts = defineRepository('contacts', {
  add: (rows: readonly Contact[]) =>
    affected(db.insertInto('contacts').values(rows), { exactly: rows.length }),
})

const page = (user: number) =>
  all({ user: users.byId(user), purchases: purchases.of(user) }).andThen((found) =>
    purchases
      .linesOf(found.purchases.map(({ id }) => id))
      .map((lines) => pageOf(found.user.name, found.purchases, lines)),
  )

const readAndVisit = (id: number) => users.byId(id).andThen(({ visits }) => users.visit(id).map(() => visits))

const batched = defineRepository('batched', {
  stock: (warehouse: number, items: readonly number[], district: number) =>
    many(
      db
        .selectFrom('stock')
        .select(['s_i_id', 's_quantity', 's_data', `${infoColumn(district)} as info`])
        .where('s_w_id', '=', warehouse)
        .where('s_i_id', 'in', items)
        .forUpdate(),
    ),
  items: (items: readonly number[]) =>
    many(db.selectFrom('item').select(['i_id', 'i_name', 'i_price', 'i_data']).where('i_id', 'in', items)),
})

const newOrderBatched = ({ warehouse, district, customer, lines, enteredAt }: NewOrderInput) =>
  program(function* () {
    const numbered = inLockOrder(lines)
    const ids = numbered.map(({ item }) => item)
    const read = yield* all({
      stock: batched.stock(warehouse, ids, district),
      district: districts.lockOrderNumber(warehouse, district),
      warehouse: warehouses.tax(warehouse),
      customer: customers.terms({ warehouse, district, customer }),
      items: batched.items(ids),
    })
    const infos = new Map(read.stock.map((row) => [row.s_i_id, row.info]))
    const prices = new Map(read.items.map((row) => [row.i_id, row.i_price]))

    const order = read.district.d_next_o_id
    const rows = numbered.map((line) =>
      lineRow(
        { warehouse, district, order },
        line,
        found(prices.get(line.item)),
        found(infos.get(line.item)),
      ),
    )
    yield* all([
      districts.setNextOrderNumber(warehouse, district, order + 1),
      orders.add([orderRow({ warehouse, district, customer, lines, enteredAt }, order)]),
      newOrders.add([{ no_w_id: warehouse, no_d_id: district, no_o_id: order }]),
      ...numbered.map(({ item, quantity }) => stock.take(warehouse, item, quantity, false)),
      orderLines.add(rows),
    ])
    const terms = {
      discount: read.customer.c_discount,
      warehouseTax: read.warehouse.w_tax,
      districtTax: read.district.d_tax,
    }
    const cents = totalOf(rows, terms)
    return { order, cents }
  })

function open(uri: string, options: { readonly pipeline?: boolean }): Peer {
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri, pool: { max: poolSize }, ...options }) })
  return {
    newOrder: (input) => uow.run(newOrder(input)),
    newOrderBatched: (input) => uow.run(newOrderBatched(input)),
    payment: (input) => uow.run(payment(input)),
    page: (user) => uow.read(page(user)),
    user: (id) => uow.read(users.byId(id)),
    users: (ids) => uow.read(all(ids.map(users.byId))),
    visit: async (id) => {
      await uow.run(users.visit(id))
    },
    readAndVisit: (id) => uow.run(readAndVisit(id)),
    importContacts: async (rows) => {
      await uow.run(contacts.add(rows))
    },
    manyReads: async (ids) => (await uow.read(all(ids.map(users.byId)))).length,
    close: () => uow.close(),
  }
}
