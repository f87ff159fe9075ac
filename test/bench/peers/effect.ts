/** https://effect.website/docs: statements are effects, and a transaction is an effect around them. */
import { SqlClient, type SqlError } from '@effect/sql'
import { MysqlClient } from '@effect/sql-mysql2'
import { Effect, ManagedRuntime, Redacted } from 'effect'
import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type { PaymentInput } from '../../../examples/order-desk/transactions/payment.ts'
import type { Contact, Purchase, PurchaseLine, User } from '../data/shop.ts'
import {
  ACCOUNT,
  accountData,
  type CustomerRow,
  type DistrictRow,
  found,
  historyRow,
  infoColumn,
  inLockOrder,
  type ItemRow,
  lineRow,
  middleOf,
  orderRow,
  type StockRow,
  totalOf,
} from './desk-units.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { pageOf } from './shop-units.ts'

const first = <Row>(rows: readonly Row[]): Row => found(rows[0])

const newOrder = (input: NewOrderInput, batched: boolean) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { warehouse, district, customer, lines } = input
    const numbered = inLockOrder(lines)
    const ids = numbered.map(({ item }) => item)
    const batches = batched ? [ids] : ids.map((id) => [id])
    const stock = yield* Effect.forEach(
      batches,
      (batch) =>
        sql<StockRow>`SELECT s_i_id, s_quantity, s_data, ${sql(infoColumn(district))} AS info FROM stock
          WHERE s_w_id = ${warehouse} AND s_i_id IN ${sql.in(batch)} FOR UPDATE`,
    )
    const { d_tax, d_next_o_id: order } = first(
      yield* sql<DistrictRow>`SELECT d_tax, d_next_o_id FROM district
        WHERE d_w_id = ${warehouse} AND d_id = ${district} FOR UPDATE`,
    )
    const { w_tax } = first(
      yield* sql<{ w_tax: number }>`SELECT w_tax FROM warehouse WHERE w_id = ${warehouse}`,
    )
    const { c_discount } = first(
      yield* sql<{ c_discount: number }>`SELECT c_first, c_last, c_credit, c_discount FROM customer
        WHERE c_w_id = ${warehouse} AND c_d_id = ${district} AND c_id = ${customer}`,
    )
    const items = yield* Effect.forEach(
      batches,
      (batch) => sql<ItemRow>`SELECT i_id, i_name, i_price, i_data FROM item WHERE i_id IN ${sql.in(batch)}`,
    )
    const infos = new Map(stock.flat().map((row) => [row.s_i_id, row.info]))
    const prices = new Map(items.flat().map((row) => [row.i_id, row.i_price]))
    const rows = numbered.map((line) =>
      lineRow(
        { warehouse, district, order },
        line,
        found(prices.get(line.item)),
        found(infos.get(line.item)),
      ),
    )

    yield* sql`UPDATE district SET d_next_o_id = ${order + 1} WHERE d_w_id = ${warehouse} AND d_id = ${district}`
    yield* sql`INSERT INTO orders ${sql.insert({ ...orderRow(input, order) })}`
    yield* sql`INSERT INTO new_order ${sql.insert({ no_w_id: warehouse, no_d_id: district, no_o_id: order })}`
    for (const { item, quantity } of numbered) {
      yield* sql`UPDATE stock SET
        s_quantity = CASE WHEN s_quantity >= ${quantity + 10} THEN s_quantity - ${quantity} ELSE s_quantity + ${91 - quantity} END,
        s_ytd = s_ytd + ${quantity}, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + 0
        WHERE s_w_id = ${warehouse} AND s_i_id = ${item}`
    }
    const values = rows.map((row) => Object.fromEntries(Object.entries(row)))
    const inserts = batched ? [values] : values.map((row) => [row])
    for (const list of inserts) {
      yield* sql`INSERT INTO order_line ${sql.insert(list)}`
    }
    const terms = { discount: c_discount, warehouseTax: w_tax, districtTax: d_tax }
    return { order, cents: totalOf(rows, terms) }
  })

const payment = ({ warehouse, district, customer: { choice, ...home }, cents, paidAt }: PaymentInput) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const columns = sql.literal(ACCOUNT.join(', '))
    const accounts =
      'number' in choice
        ? yield* sql<CustomerRow>`SELECT ${columns} FROM customer
            WHERE c_w_id = ${home.warehouse} AND c_d_id = ${home.district} AND c_id = ${choice.number} FOR UPDATE`
        : yield* sql<CustomerRow>`SELECT ${columns} FROM customer
            WHERE c_w_id = ${home.warehouse} AND c_d_id = ${home.district} AND c_last = ${choice.lastName}
            ORDER BY c_first FOR UPDATE`
    yield* sql`UPDATE district SET d_ytd = d_ytd + ${cents} WHERE d_w_id = ${warehouse} AND d_id = ${district}`
    yield* sql`UPDATE warehouse SET w_ytd = w_ytd + ${cents} WHERE w_id = ${warehouse}`
    const { d_name } = first(
      yield* sql<{
        d_name: string
      }>`SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip FROM district
        WHERE d_w_id = ${warehouse} AND d_id = ${district}`,
    )
    const { w_name } = first(
      yield* sql<{
        w_name: string
      }>`SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip FROM warehouse
        WHERE w_id = ${warehouse}`,
    )
    const account = middleOf(accounts)
    const key = { ...home, customer: account.c_id }
    const data = accountData(account, key, { warehouse, district, cents })
    yield* sql`UPDATE customer SET c_balance = c_balance - ${cents}, c_ytd_payment = c_ytd_payment + ${cents},
      c_payment_cnt = c_payment_cnt + 1, c_data = ${data}
      WHERE c_w_id = ${key.warehouse} AND c_d_id = ${key.district} AND c_id = ${key.customer}`
    const row = historyRow({ warehouse, district, cents, paidAt }, key, `${w_name}    ${d_name}`)
    yield* sql`INSERT INTO history ${sql.insert({ ...row })}`
    return { customer: account.c_id, balance: account.c_balance - cents }
  })

const page = (id: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { name } = yield* userById(id)
    const purchases = yield* sql<Purchase>`SELECT id, cents FROM purchases WHERE user_id = ${id} ORDER BY id`
    const ids = purchases.map((purchase) => purchase.id)
    const lines = yield* sql<PurchaseLine>`SELECT purchase_id, product, quantity FROM purchase_lines
      WHERE purchase_id IN ${sql.in(ids)} ORDER BY id`
    return pageOf(name, purchases, lines)
  })

const userById = (id: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return first(yield* sql<User>`SELECT id, name, email, visits FROM users WHERE id = ${id}`)
  })

const visit = (id: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`UPDATE users SET visits = visits + 1 WHERE id = ${id}`
  })

const readAndVisit = (id: number) =>
  Effect.gen(function* () {
    const { visits } = yield* userById(id)
    yield* visit(id)
    return visits
  })

const importContacts = (contacts: readonly Contact[]) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`INSERT INTO contacts ${sql.insert(contacts.map((contact) => ({ ...contact })))}`
  })

const transaction = <T>(work: Effect.Effect<T, SqlError.SqlError, SqlClient.SqlClient>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(work))

export const open: OpenPeer = async (uri) => {
  const runtime = ManagedRuntime.make(
    MysqlClient.layer({ url: Redacted.make(uri), maxConnections: poolSize }),
  )
  const run = <T>(work: Effect.Effect<T, SqlError.SqlError, SqlClient.SqlClient>) => runtime.runPromise(work)

  return {
    newOrder: (input) => run(transaction(newOrder(input, false))),
    newOrderBatched: (input) => run(transaction(newOrder(input, true))),
    payment: (input) => run(transaction(payment(input))),
    page: (id) => run(page(id)),
    user: (id) => run(userById(id)),
    users: (ids) => run(transaction(Effect.forEach(ids, userById))),
    visit: (id) => run(visit(id)),
    readAndVisit: (id) => run(transaction(readAndVisit(id))),
    importContacts: (contacts) => run(transaction(importContacts(contacts))),
    close: () => runtime.dispose(),
  }
}
