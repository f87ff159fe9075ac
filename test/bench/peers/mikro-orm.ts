/**
 * https://mikro-orm.io/docs/transactions: what was read is changed as objects, and the flush before the commit writes the
 * changes, several rows of a table at a time.
 */
import { type EntityManager, EntitySchema, LockMode, MikroORM, raw } from '@mikro-orm/mysql'
import type { Collection, EntitySchemaMetadata } from '@mikro-orm/core'
import type { Database as Desk } from '../../../examples/order-desk/schema.ts'
import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type * as Shop from '../data/shop.ts'
import { type Table, type TableName, tables } from './columns.ts'
import {
  ACCOUNT,
  accountData,
  found,
  type InfoColumn,
  historyRow,
  infoColumn,
  inLockOrder,
  lineRow,
  middleOf,
  orderRow,
  totalOf,
} from './desk-units.ts'
import { type OpenPeer, poolSize } from './peer.ts'

interface Line extends Omit<Shop.PurchaseLine, 'purchase_id'> {
  readonly purchase: Purchase
}

interface Purchase extends Omit<Shop.Purchase, 'user_id'> {
  readonly user: User
  readonly lines: Collection<Line>
}

interface User extends Shop.User {
  readonly purchases: Collection<Purchase>
}

interface Relation {
  readonly kind: '1:m' | 'm:1'
  readonly entity: () => unknown
  readonly fieldName?: string
  readonly mappedBy?: string
  readonly inversedBy?: string
  readonly orderBy?: object
}

type Relations = Readonly<Record<string, Relation>>

function entity<Row extends object>(tableName: TableName, relations: Relations = {}): EntitySchema<Row> {
  const { key, columns }: Table = tables[tableName]
  const related = new Set(Object.values(relations).map(({ fieldName }) => fieldName))
  const own = Object.entries(columns).filter(([column]) => !related.has(column))
  const properties: [string, object][] = own.map(([column, type]) => [
    column,
    {
      type: type.startsWith('text') ? 'string' : type.startsWith('datetime') ? 'datetime' : 'integer',
      fieldName: column,
      nullable: type.endsWith('?'),
      ...(key.includes(column) ? { primary: true, autoincrement: false } : {}),
    },
  ])
  const metadata = {
    name: tableName,
    tableName,
    properties: { ...Object.fromEntries(properties), ...relations },
  }
  return new EntitySchema<Row>(metadata as unknown as EntitySchemaMetadata<Row>)
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
  purchases: { kind: '1:m', entity: (): unknown => purchases, mappedBy: 'user', orderBy: { id: 'asc' } },
})
const purchases = entity<Purchase>('purchases', {
  user: { kind: 'm:1', entity: (): unknown => users, fieldName: 'user_id', inversedBy: 'purchases' },
  lines: { kind: '1:m', entity: (): unknown => purchaseLines, mappedBy: 'purchase', orderBy: { id: 'asc' } },
})
const purchaseLines = entity<Line>('purchase_lines', {
  purchase: { kind: 'm:1', entity: (): unknown => purchases, fieldName: 'purchase_id', inversedBy: 'lines' },
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

type StockColumn = InfoColumn | 's_quantity' | 's_ytd' | 's_order_cnt'

const locked = { lockMode: LockMode.PESSIMISTIC_WRITE } as const

export const open: OpenPeer = async (uri) => {
  const orm = await MikroORM.init({
    clientUrl: uri,
    entities,
    pool: { min: 0, max: poolSize },
    timezone: 'Z',
  })
  const transaction = <T>(work: (em: EntityManager) => Promise<T>) => orm.em.fork().transactional(work)

  async function newOrder(em: EntityManager, input: NewOrderInput, batched: boolean) {
    const { warehouse, district, customer, lines } = input
    const numbered = inLockOrder(lines)
    const ids = numbered.map(({ item }) => item)
    const batches = batched ? [ids] : ids.map((id) => [id])
    const info = infoColumn(district)
    const stocks = new Map<number, Pick<Desk['stock'], StockColumn>>()
    for (const batch of batches) {
      const rows = await em.find(
        stock,
        { s_w_id: warehouse, s_i_id: { $in: batch } },
        {
          ...locked,
          fields: ['s_i_id', 's_quantity', 's_ytd', 's_order_cnt', 's_remote_cnt', 's_data', info],
        },
      )
      for (const row of rows) stocks.set(row.s_i_id, row)
    }
    const place = await em.findOneOrFail(districts, { d_w_id: warehouse, d_id: district }, locked)
    const { w_tax } = await em.findOneOrFail(warehouses, { w_id: warehouse })
    const { c_discount } = await em.findOneOrFail(customers, {
      c_w_id: warehouse,
      c_d_id: district,
      c_id: customer,
    })
    const prices = new Map<number, number>()
    for (const batch of batches) {
      for (const row of await em.find(items, { i_id: { $in: batch } })) prices.set(row.i_id, row.i_price)
    }

    const order = place.d_next_o_id
    place.d_next_o_id += 1
    em.create(orders, orderRow(input, order))
    em.create(newOrders, { no_w_id: warehouse, no_d_id: district, no_o_id: order })
    const rows = numbered.map((line) => {
      const own = found(stocks.get(line.item))
      const { quantity } = line
      own.s_quantity += own.s_quantity >= quantity + 10 ? -quantity : 91 - quantity
      own.s_ytd += quantity
      own.s_order_cnt += 1
      const row = lineRow({ warehouse, district, order }, line, found(prices.get(line.item)), own[info])
      em.create(orderLines, row)
      return row
    })
    const terms = { discount: c_discount, warehouseTax: w_tax, districtTax: place.d_tax }
    return { order, cents: totalOf(rows, terms) }
  }

  return {
    newOrder: (input) => transaction((em) => newOrder(em, input, false)),
    newOrderBatched: (input) => transaction((em) => newOrder(em, input, true)),
    payment: ({ warehouse, district, customer: { choice, ...home }, cents, paidAt }) =>
      transaction(async (em) => {
        const which = 'number' in choice ? { c_id: choice.number } : { c_last: choice.lastName }
        const account = middleOf(
          await em.find(
            customers,
            { c_w_id: home.warehouse, c_d_id: home.district, ...which },
            {
              ...locked,
              fields: [...ACCOUNT, 'c_ytd_payment', 'c_payment_cnt'],
              orderBy: { c_first: 'asc' },
            },
          ),
        )
        const place = await em.findOneOrFail(districts, { d_w_id: warehouse, d_id: district }, locked)
        const house = await em.findOneOrFail(warehouses, { w_id: warehouse }, locked)
        place.d_ytd += cents
        house.w_ytd += cents
        const key = { ...home, customer: account.c_id }
        account.c_data = accountData(account, key, { warehouse, district, cents })
        account.c_balance -= cents
        account.c_ytd_payment += cents
        account.c_payment_cnt += 1
        const data = `${house.w_name}    ${place.d_name}`
        em.create(history, historyRow({ warehouse, district, cents, paidAt }, key, data))
        return { customer: account.c_id, balance: account.c_balance }
      }),
    async page(id) {
      const { name, purchases } = await orm.em
        .fork()
        .findOneOrFail(users, { id }, { populate: ['purchases.lines'] })
      return {
        name,
        purchases: purchases
          .getItems()
          .map(({ id, cents, lines }) => ({ id, cents, lines: lines.getItems() })),
      }
    },
    user: (id) => orm.em.fork().findOneOrFail(users, { id }),
    users: (ids) =>
      transaction(async (em) => {
        const list: User[] = []
        for (const id of ids) list.push(await em.findOneOrFail(users, { id }))
        return list
      }),
    async visit(id) {
      await orm.em.fork().nativeUpdate(users, { id }, { visits: raw<number>('visits + 1') })
    },
    readAndVisit: (id) =>
      transaction(async (em) => {
        const { visits } = await em.findOneOrFail(users, { id })
        await em.nativeUpdate(users, { id }, { visits: raw<number>('visits + 1') })
        return visits
      }),
    importContacts: (rows) =>
      transaction(async (em) => {
        await em.insertMany(contacts, [...rows])
      }),
    close: () => orm.close(),
  }
}
