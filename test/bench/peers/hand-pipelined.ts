/**
 * The floor: mysql2 by hand, with the packets of several commands written at once. mysql2 has no way to do it, so this
 * reaches into it as far as it must. The SQL is written out with its values, nothing is mapped or checked, and an error
 * only rejects: what is left is what the packets and mysql2's reading of the answers cost.
 */
import { Connection as Mysql2Connection, createPool } from 'mysql2'
import type { PoolConnection } from 'mysql2'
import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type { Contact, User } from '../data/shop.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import {
  ACCOUNT,
  accountData,
  asOne,
  type Batches,
  type CustomerRow,
  type DistrictRow,
  found,
  historyRow,
  inLockOrder,
  infoColumn,
  type ItemRow,
  lineRow,
  middleOf,
  orderRow,
  singly,
  totalOf,
  type StockRow,
} from './desk-units.ts'
import { pageOf } from './shop-units.ts'

interface Internals {
  sequenceId: number
  addCommand(command: Command): Command
  write(buffer: Buffer): void
}

interface Command {
  start(packet: undefined, connection: Internals): unknown
}

const { createQuery } = Mysql2Connection as unknown as {
  createQuery: (
    sql: string,
    values: undefined,
    onResult: (error: Error | null, rows: Row[]) => void,
    config: object,
  ) => Command
}

/** Whatever the statement reads. */
type Row = User &
  StockRow &
  ItemRow &
  DistrictRow &
  CustomerRow & { w_tax: number; c_discount: number; d_name: string; w_name: string } & {
    cents: number
    purchase_id: number
    product: string
    quantity: number
  }

type Fly = (statements: readonly string[]) => Promise<Row[][]>

/** Gives the rows of each statement, in order. */
function fly(connection: Internals, statements: readonly string[]): Promise<Row[][]> {
  return new Promise((resolve, reject) => {
    const packets: Buffer[] = []
    const sink = Object.create(connection, {
      sequenceId: { value: 0, writable: true },
      write: { value: (buffer: Buffer) => packets.push(buffer) },
    }) as Internals
    const results: Row[][] = []
    for (const sql of statements) {
      const command = createQuery(
        sql,
        undefined,
        (error, rows) => {
          if (error) reject(error)
          else if (results.push(rows) === statements.length) resolve(results)
        },
        {},
      )
      sink.sequenceId = 0
      const readAnswer = command.start(undefined, sink)
      command.start = (_packet, own) => {
        own.sequenceId = 1
        return readAnswer
      }
      connection.addCommand(command)
    }
    connection.write(Buffer.concat(packets))
  })
}

export const open: OpenPeer = async (uri) => {
  const pool = createPool({ uri, connectionLimit: poolSize, maxIdle: poolSize })
  const prepared = new WeakSet<PoolConnection>()

  const lease = () =>
    new Promise<PoolConnection>((resolve, reject) => {
      pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection)))
    })

  /** With autocommit off, as Leasehold has it, no BEGIN needs to be sent. */
  async function unit<T>(work: (fly: Fly) => Promise<T>) {
    const connection = await lease()
    const wire = connection as unknown as Internals
    try {
      if (!prepared.has(connection)) {
        prepared.add(connection)
        await fly(wire, ['SET autocommit = 0'])
      }
      return await work((statements) => fly(wire, statements))
    } finally {
      connection.release()
    }
  }

  const reads = (ids: readonly number[]) =>
    unit(async (fly) => (await fly([...ids.map(userById), 'COMMIT'])).slice(0, -1).map(first))

  const newOrder = (input: NewOrderInput, batches: Batches) =>
    unit(async (fly) => {
      const { warehouse, district, customer, lines } = input
      const numbered = inLockOrder(lines)
      const lists = batches(numbered.map(({ item }) => item))
      const answers = await fly([
        ...lists.map((ids) => selectStock(warehouse, ids, district)),
        `select d_tax, d_next_o_id from district where d_w_id = ${warehouse} and d_id = ${district} for update`,
        `select w_tax from warehouse where w_id = ${warehouse}`,
        `select c_first, c_last, c_credit, c_discount from customer where ${customerKey(warehouse, district)} and c_id = ${customer}`,
        ...lists.map(selectItems),
      ])
      const { length } = lists
      const infos = new Map(
        answers
          .slice(0, length)
          .flat()
          .map((row) => [row.s_i_id, row.info]),
      )
      const prices = new Map(
        answers
          .slice(length + 3)
          .flat()
          .map((row) => [row.i_id, row.i_price]),
      )
      const { d_tax: districtTax, d_next_o_id: order } = first(answers[length])
      const { w_tax: warehouseTax } = first(answers[length + 1])
      const { c_discount: discount } = first(answers[length + 2])
      const rows = numbered.map((line) =>
        lineRow(
          { warehouse, district, order },
          line,
          found(prices.get(line.item)),
          found(infos.get(line.item)),
        ),
      )
      await fly([
        `update district set d_next_o_id = ${order + 1} where d_w_id = ${warehouse} and d_id = ${district}`,
        insert('orders', [orderRow(input, order)]),
        insert('new_order', [{ no_w_id: warehouse, no_d_id: district, no_o_id: order }]),
        ...numbered.map(({ item, quantity }) => takeStock(warehouse, item, quantity)),
        ...batches(rows).map((list) => insert('order_line', list)),
      ])
      await fly(['COMMIT'])
      return { order, cents: totalOf(rows, { discount, warehouseTax, districtTax }) }
    })

  return {
    newOrder: (input) => newOrder(input, singly),
    newOrderBatched: (input) => newOrder(input, asOne),
    payment: (input) =>
      unit(async (fly) => {
        const { warehouse, district, customer: home, cents } = input
        const { choice } = home
        const who =
          'number' in choice ? `c_id = ${choice.number}` : `c_last = '${choice.lastName}' order by c_first`
        const [accounts, , , districts, warehouses] = await fly([
          `select ${ACCOUNT.join(', ')} from customer where ${customerKey(home.warehouse, home.district)} and ${who} for update`,
          `update district set d_ytd = d_ytd + ${cents} where d_w_id = ${warehouse} and d_id = ${district}`,
          `update warehouse set w_ytd = w_ytd + ${cents} where w_id = ${warehouse}`,
          `select d_name, d_street_1, d_street_2, d_city, d_state, d_zip from district where d_w_id = ${warehouse} and d_id = ${district}`,
          `select w_name, w_street_1, w_street_2, w_city, w_state, w_zip from warehouse where w_id = ${warehouse}`,
        ])
        const account = middleOf(found(accounts))
        const key = { warehouse: home.warehouse, district: home.district, customer: account.c_id }
        const { d_name } = first(districts)
        const { w_name } = first(warehouses)
        await fly([
          `update customer set c_balance = c_balance - ${cents}, c_ytd_payment = c_ytd_payment + ${cents}, ` +
            `c_payment_cnt = c_payment_cnt + 1, c_data = '${accountData(account, key, input)}' ` +
            `where ${customerKey(key.warehouse, key.district)} and c_id = ${key.customer}`,
          insert('history', [historyRow(input, key, `${w_name}    ${d_name}`)]),
        ])
        await fly(['COMMIT'])
        return { customer: account.c_id, balance: account.c_balance - cents }
      }),

    page: (user) =>
      unit(async (fly) => {
        const [users, purchases] = await fly([
          userById(user),
          `select id, cents from purchases where user_id = ${user} order by id`,
        ])
        const list = found(purchases)
        const [lines] = await fly([
          `select purchase_id, product, quantity from purchase_lines ` +
            `where purchase_id in (${list.map(({ id }) => id).join(', ')}) order by id`,
          'COMMIT',
        ])
        return pageOf(first(users).name, list, found(lines))
      }),
    user: async (id) => found((await reads([id]))[0]),
    users: reads,
    visit: (id) =>
      unit(async (fly) => {
        await fly([`update users set visits = visits + 1 where id = ${id}`, 'COMMIT'])
      }),
    readAndVisit: (id) =>
      unit(async (fly) => {
        const [users] = await fly([userById(id)])
        await fly([`update users set visits = visits + 1 where id = ${id}`, 'COMMIT'])
        return first(users).visits
      }),
    importContacts: (contacts: readonly Contact[]) =>
      unit(async (fly) => {
        await fly([insert('contacts', contacts), 'COMMIT'])
      }),
    manyReads: async (ids) => (await reads(ids)).length,
    close: () => pool.promise().end(),
  }
}

function first(rows: readonly Row[] | undefined): Row {
  return found(rows?.[0])
}

const userById = (id: number) => `select id, name, email, visits from users where id = ${id}`

const selectStock = (warehouse: number, items: readonly number[], district: number) =>
  `select s_i_id, s_quantity, s_data, ${infoColumn(district)} as info from stock ` +
  `where s_w_id = ${warehouse} and s_i_id in (${items.join(', ')}) for update`

const selectItems = (items: readonly number[]) =>
  `select i_id, i_name, i_price, i_data from item where i_id in (${items.join(', ')})`

const customerKey = (warehouse: number, district: number) => `c_w_id = ${warehouse} and c_d_id = ${district}`

const takeStock = (warehouse: number, item: number, quantity: number) =>
  `update stock set s_quantity = case when s_quantity >= ${quantity + 10} then s_quantity - ${quantity} ` +
  `else s_quantity + ${91 - quantity} end, s_ytd = s_ytd + ${quantity}, s_order_cnt = s_order_cnt + 1, ` +
  `s_remote_cnt = s_remote_cnt + 0 where s_w_id = ${warehouse} and s_i_id = ${item}`

const insert = (table: string, rows: readonly object[]) =>
  `insert into ${table} (${Object.keys(rows[0] ?? {}).join(', ')}) values ` +
  rows.map((row) => `(${(Object.values(row) as unknown[]).map(literal).join(', ')})`).join(', ')

/** Enough for the values of the bench, which hold neither quotes nor backslashes. */
function literal(value: unknown): string {
  if (value instanceof Date) return `'${value.toISOString().slice(0, 19)}'`
  return typeof value === 'string' ? `'${value}'` : String(value)
}
