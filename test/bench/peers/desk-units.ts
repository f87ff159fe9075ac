/** New-Order and Payment: the peer writes the statements, here is their order. */
import { formatCents, orderTotal, type Terms } from '../../../examples/order-desk/amounts.ts'
import type { NewOrderInput, NewOrderLine } from '../../../examples/order-desk/transactions/new-order.ts'
import type { PaymentInput } from '../../../examples/order-desk/transactions/payment.ts'
import type { History, NewOrder, Order, OrderLine } from '../../../examples/order-desk/schema.ts'
import type { Paid, Peer, PlacedOrder } from './peer.ts'

export interface DeskStatements<Tx> {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>

  /** Locked. A list of one is for the server what `=` is. */
  stock(tx: Tx, warehouse: number, items: readonly number[], info: InfoColumn): Promise<readonly StockRow[]>
  items(tx: Tx, items: readonly number[]): Promise<readonly ItemRow[]>
  /** Locked. */
  district(tx: Tx, warehouse: number, district: number): Promise<DistrictRow | undefined>
  warehouseTax(tx: Tx, warehouse: number): Promise<number | undefined>
  discount(tx: Tx, key: CustomerKey): Promise<number | undefined>
  setNextOrder(tx: Tx, warehouse: number, district: number, next: number): Promise<unknown>
  addOrder(tx: Tx, row: Order): Promise<unknown>
  addNewOrder(tx: Tx, row: NewOrder): Promise<unknown>
  addLines(tx: Tx, rows: readonly OrderLine[]): Promise<unknown>
  takeStock(tx: Tx, warehouse: number, item: number, quantity: number): Promise<unknown>

  /** Locked. */
  customer(tx: Tx, key: CustomerKey): Promise<readonly CustomerRow[]>
  /** Locked, by first name. */
  customersByLastName(
    tx: Tx,
    key: Omit<CustomerKey, 'customer'>,
    lastName: string,
  ): Promise<readonly CustomerRow[]>
  receiveInDistrict(tx: Tx, warehouse: number, district: number, cents: number): Promise<unknown>
  receiveInWarehouse(tx: Tx, warehouse: number, cents: number): Promise<unknown>
  districtAddress(
    tx: Tx,
    warehouse: number,
    district: number,
  ): Promise<{ readonly d_name: string } | undefined | null>
  warehouseAddress(tx: Tx, warehouse: number): Promise<{ readonly w_name: string } | undefined | null>
  pay(tx: Tx, key: CustomerKey, cents: number, data: string): Promise<unknown>
  addHistory(tx: Tx, row: History): Promise<unknown>
}

export interface CustomerKey {
  readonly warehouse: number
  readonly district: number
  readonly customer: number
}

const INFO_COLUMNS = [
  's_dist_01',
  's_dist_02',
  's_dist_03',
  's_dist_04',
  's_dist_05',
  's_dist_06',
  's_dist_07',
  's_dist_08',
  's_dist_09',
  's_dist_10',
] as const

/** The column of STOCK with what a district prints on its packing slips. */
export type InfoColumn = (typeof INFO_COLUMNS)[number]

export function infoColumn(district: number): InfoColumn {
  return found(INFO_COLUMNS[district - 1])
}

export interface StockRow {
  readonly s_i_id: number
  readonly info: string
}

export interface ItemRow {
  readonly i_id: number
  readonly i_price: number
}

export interface DistrictRow {
  readonly d_tax: number
  readonly d_next_o_id: number
}

/** The columns of CUSTOMER that a payment reads (clause 2.5.2.2). */
export const ACCOUNT = [
  'c_id',
  'c_first',
  'c_middle',
  'c_last',
  'c_street_1',
  'c_street_2',
  'c_city',
  'c_state',
  'c_zip',
  'c_phone',
  'c_since',
  'c_credit',
  'c_credit_lim',
  'c_discount',
  'c_balance',
  'c_data',
] as const

export interface CustomerRow {
  readonly c_id: number
  readonly c_credit: string
  readonly c_balance: number
  readonly c_data: string
}

type DeskUnits = Required<Pick<Peer, 'newOrder' | 'newOrderBatched' | 'payment'>>

/** Each statement waits for the answer to the one before. */
export function oneByOne<Tx>(desk: DeskStatements<Tx>): DeskUnits {
  return unitsOf(desk, async (steps) => {
    const results: unknown[] = []
    for (const step of steps) results.push(await step())
    return results
  })
}

/** For peers whose documentation lets statements of a transaction be sent without waiting for each other. */
export function together<Tx>(desk: DeskStatements<Tx>): DeskUnits {
  return unitsOf(desk, (steps) => Promise.all(steps.map((step) => step())))
}

/** Takes steps that don't depend on one another, which the server is to run in this order. */
type Steps = (steps: readonly (() => Promise<unknown>)[]) => Promise<unknown[]>

type Run = <const Results extends readonly unknown[]>(steps: {
  readonly [Index in keyof Results]: () => Promise<Results[Index]>
}) => Promise<Results>

/** How many rows go into one statement. */
export type Batches = <T>(list: readonly T[]) => readonly (readonly T[])[]

export const singly: Batches = (list) => list.map((one) => [one])
export const asOne: Batches = (list) => [list]

function unitsOf<Tx>(desk: DeskStatements<Tx>, steps: Steps): DeskUnits {
  const run = steps as Run
  return {
    newOrder: (input) => desk.transaction((tx) => newOrder(desk, tx, input, { run, batches: singly })),
    newOrderBatched: (input) => desk.transaction((tx) => newOrder(desk, tx, input, { run, batches: asOne })),
    payment: (input) => desk.transaction((tx) => payment(desk, tx, input, run)),
  }
}

/** Clause 2.4. */
async function newOrder<Tx>(
  desk: DeskStatements<Tx>,
  tx: Tx,
  { warehouse, district, customer, lines, enteredAt }: NewOrderInput,
  { run, batches }: { readonly run: Run; readonly batches: Batches },
): Promise<PlacedOrder> {
  const numbered = inLockOrder(lines)
  const ids = numbered.map(({ item }) => item)
  const info = infoColumn(district)
  const [stock, place, warehouseTax, discount, items] = await run([
    () => run(batches(ids).map((batch) => () => desk.stock(tx, warehouse, batch, info))),
    () => desk.district(tx, warehouse, district),
    () => desk.warehouseTax(tx, warehouse),
    () => desk.discount(tx, { warehouse, district, customer }),
    () => run(batches(ids).map((batch) => () => desk.items(tx, batch))),
  ])
  const infos = new Map(stock.flat().map((row) => [row.s_i_id, row.info]))
  const prices = new Map(items.flat().map((row) => [row.i_id, row.i_price]))
  const { d_tax: districtTax, d_next_o_id: order } = found(place)
  const rows = numbered.map((line) =>
    lineRow({ warehouse, district, order }, line, found(prices.get(line.item)), found(infos.get(line.item))),
  )

  await run([
    () => desk.setNextOrder(tx, warehouse, district, order + 1),
    () => desk.addOrder(tx, orderRow({ warehouse, district, customer, lines, enteredAt }, order)),
    () => desk.addNewOrder(tx, { no_w_id: warehouse, no_d_id: district, no_o_id: order }),
    ...numbered.map(
      ({ item, quantity }) =>
        () =>
          desk.takeStock(tx, warehouse, item, quantity),
    ),
    ...batches(rows).map((batch) => () => desk.addLines(tx, batch)),
  ])
  const terms = { discount: found(discount), warehouseTax: found(warehouseTax), districtTax }
  return { order, cents: totalOf(rows, terms) }
}

/** Clause 2.5. */
async function payment<Tx>(
  desk: DeskStatements<Tx>,
  tx: Tx,
  { warehouse, district, customer, cents, paidAt }: PaymentInput,
  run: Run,
): Promise<Paid> {
  const { choice, ...home } = customer
  const [accounts, , , districtAddress, warehouseAddress] = await run([
    () =>
      'number' in choice
        ? desk.customer(tx, { ...home, customer: choice.number })
        : desk.customersByLastName(tx, home, choice.lastName),
    () => desk.receiveInDistrict(tx, warehouse, district, cents),
    () => desk.receiveInWarehouse(tx, warehouse, cents),
    () => desk.districtAddress(tx, warehouse, district),
    () => desk.warehouseAddress(tx, warehouse),
  ])
  const account = middleOf(accounts)
  const key = { ...home, customer: account.c_id }
  const data = `${found(warehouseAddress).w_name}    ${found(districtAddress).d_name}`
  await run([
    () => desk.pay(tx, key, cents, accountData(account, key, { warehouse, district, cents })),
    () => desk.addHistory(tx, historyRow({ warehouse, district, cents, paidAt }, key, data)),
  ])
  return { customer: account.c_id, balance: account.c_balance - cents }
}

export interface NumberedLine extends NewOrderLine {
  readonly number: number
}

/** All orders lock the rows of STOCK in the same order, so that two orders never wait for each other. */
export function inLockOrder(lines: readonly NewOrderLine[]): NumberedLine[] {
  return lines.map((line, index) => ({ ...line, number: index + 1 })).sort((a, b) => a.item - b.item)
}

export function orderRow(input: NewOrderInput, order: number): Order {
  return {
    o_w_id: input.warehouse,
    o_d_id: input.district,
    o_id: order,
    o_c_id: input.customer,
    o_entry_d: input.enteredAt,
    o_carrier_id: null,
    o_ol_cnt: input.lines.length,
    o_all_local: 1,
  }
}

export function lineRow(
  { warehouse, district, order }: { warehouse: number; district: number; order: number },
  line: NumberedLine,
  price: number,
  info: string,
): OrderLine {
  return {
    ol_w_id: warehouse,
    ol_d_id: district,
    ol_o_id: order,
    ol_number: line.number,
    ol_i_id: line.item,
    ol_supply_w_id: warehouse,
    ol_delivery_d: null,
    ol_quantity: line.quantity,
    ol_amount: line.quantity * price,
    ol_dist_info: info,
  }
}

export function historyRow(
  paid: { warehouse: number; district: number; cents: number; paidAt: Date },
  key: CustomerKey,
  data: string,
): History {
  return {
    h_c_id: key.customer,
    h_c_d_id: key.district,
    h_c_w_id: key.warehouse,
    h_d_id: paid.district,
    h_w_id: paid.warehouse,
    h_date: paid.paidAt,
    h_amount: paid.cents,
    h_data: data,
  }
}

export function totalOf(rows: readonly OrderLine[], terms: Terms): number {
  return orderTotal(
    rows.map((row) => row.ol_amount),
    terms,
  )
}

/** Clause 2.5.2.2: of several customers of one name, sorted by first name, the one in the middle. */
export function middleOf<T>(sorted: readonly T[]): T {
  return found(sorted[Math.ceil(sorted.length / 2) - 1])
}

/** Clause 2.5.2.2: an account of bad credit remembers its payments, the latest first, as far as they fit. */
export function accountData(
  account: CustomerRow,
  key: CustomerKey,
  paid: { readonly warehouse: number; readonly district: number; readonly cents: number },
): string {
  if (account.c_credit === 'GC') return account.c_data
  const from = [key.customer, key.district, key.warehouse]
  const entry = [...from, paid.district, paid.warehouse, formatCents(paid.cents)].join(' ')
  return `${entry} ${account.c_data}`.slice(0, 500)
}

export function found<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('expected a row, found none')
  return value
}
