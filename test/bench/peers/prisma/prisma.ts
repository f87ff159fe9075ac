/**
 * https://www.prisma.io/docs/orm/prisma-client/queries/transactions. Locks and expressions are raw, as it has none; and
 * `createMany` and `updateMany` are used also for one row, since `create` and `update` read it again.
 */
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import type { Contact } from '../../data/shop.ts'
import { ACCOUNT, type CustomerRow, type DistrictRow, oneByOne, type StockRow } from '../desk-units.ts'
import { type OpenPeer, poolSize } from '../peer.ts'
import { shopUnits } from '../shop-units.ts'
import { Prisma, PrismaClient } from './generated/client.ts'

type Tx = Prisma.TransactionClient

/** Milliseconds; the defaults of a few seconds are for servers nearby. */
const patience = { maxWait: 30_000, timeout: 30_000 }

export const open: OpenPeer = async (uri) => {
  const { hostname, port, username, password, pathname } = new URL(uri)
  const adapter = new PrismaMariaDb({
    host: hostname,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    connectionLimit: poolSize,
    allowPublicKeyRetrieval: true,
  })
  const prisma = new PrismaClient({ adapter })
  const transaction = <T>(work: (tx: Tx) => Promise<T>) => prisma.$transaction(work, patience)

  const accounts = async (tx: Tx, where: Prisma.Sql): Promise<CustomerRow[]> => {
    const rows = await tx.$queryRaw<(Omit<CustomerRow, 'c_balance'> & { c_balance: bigint })[]>`
      select ${Prisma.raw(ACCOUNT.join(', '))} from customer where ${where} for update`
    return rows.map((row) => Object.assign(row, { c_balance: Number(row.c_balance) }))
  }

  return {
    ...oneByOne<Tx>({
      transaction,
      stock: (tx, warehouse, items, info) => tx.$queryRaw<StockRow[]>`
        select s_i_id, s_quantity, s_data, ${Prisma.raw(info)} as info from stock
        where s_w_id = ${warehouse} and s_i_id in (${Prisma.join([...items])}) for update`,
      items: (tx, items) =>
        tx.item.findMany({
          select: { i_id: true, i_name: true, i_price: true, i_data: true },
          where: { i_id: { in: [...items] } },
        }),
      district: async (tx, warehouse, district) => {
        const [row] = await tx.$queryRaw<DistrictRow[]>`
          select d_tax, d_next_o_id from district where d_w_id = ${warehouse} and d_id = ${district} for update`
        return row
      },
      warehouseTax: async (tx, warehouse) =>
        (await tx.warehouse.findUnique({ select: { w_tax: true }, where: { w_id: warehouse } }))?.w_tax,
      discount: async (tx, { warehouse, district, customer }) => {
        const row = await tx.customer.findUnique({
          select: { c_first: true, c_last: true, c_credit: true, c_discount: true },
          where: { c_w_id_c_d_id_c_id: { c_w_id: warehouse, c_d_id: district, c_id: customer } },
        })
        return row?.c_discount
      },
      setNextOrder: (tx, warehouse, district, next) =>
        tx.district.updateMany({ where: { d_w_id: warehouse, d_id: district }, data: { d_next_o_id: next } }),
      addOrder: (tx, row) => tx.orders.createMany({ data: row }),
      addNewOrder: (tx, row) => tx.new_order.createMany({ data: row }),
      addLines: (tx, rows) => tx.order_line.createMany({ data: [...rows] }),
      takeStock: (tx, warehouse, item, quantity) => tx.$executeRaw`
        update stock set s_quantity = case when s_quantity >= ${quantity + 10} then s_quantity - ${quantity}
          else s_quantity + ${91 - quantity} end,
        s_ytd = s_ytd + ${quantity}, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + 0
        where s_w_id = ${warehouse} and s_i_id = ${item}`,

      customer: (tx, { warehouse, district, customer }) =>
        accounts(tx, Prisma.sql`c_w_id = ${warehouse} and c_d_id = ${district} and c_id = ${customer}`),
      customersByLastName: (tx, { warehouse, district }, lastName) =>
        accounts(
          tx,
          Prisma.sql`c_w_id = ${warehouse} and c_d_id = ${district} and c_last = ${lastName} order by c_first`,
        ),
      receiveInDistrict: (tx, warehouse, district, cents) =>
        tx.district.updateMany({
          where: { d_w_id: warehouse, d_id: district },
          data: { d_ytd: { increment: cents } },
        }),
      receiveInWarehouse: (tx, warehouse, cents) =>
        tx.warehouse.updateMany({ where: { w_id: warehouse }, data: { w_ytd: { increment: cents } } }),
      districtAddress: (tx, warehouse, district) =>
        tx.district.findUnique({
          select: {
            d_name: true,
            d_street_1: true,
            d_street_2: true,
            d_city: true,
            d_state: true,
            d_zip: true,
          },
          where: { d_w_id_d_id: { d_w_id: warehouse, d_id: district } },
        }),
      warehouseAddress: (tx, warehouse) =>
        tx.warehouse.findUnique({
          select: {
            w_name: true,
            w_street_1: true,
            w_street_2: true,
            w_city: true,
            w_state: true,
            w_zip: true,
          },
          where: { w_id: warehouse },
        }),
      pay: (tx, { warehouse, district, customer }, cents, data) =>
        tx.customer.updateMany({
          where: { c_w_id: warehouse, c_d_id: district, c_id: customer },
          data: {
            c_balance: { decrement: cents },
            c_ytd_payment: { increment: cents },
            c_payment_cnt: { increment: 1 },
            c_data: data,
          },
        }),
      addHistory: (tx, row) => tx.history.createMany({ data: row }),
    }),

    ...shopUnits<Tx, Tx>({
      direct: prisma,
      transaction,
      user: (on, id) => on.users.findUnique({ where: { id } }),
      purchases: (on, user) => on.purchases.findMany({ where: { user_id: user }, orderBy: { id: 'asc' } }),
      lines: (on, ids) =>
        on.purchase_lines.findMany({ where: { purchase_id: { in: ids } }, orderBy: { id: 'asc' } }),
      visit: (on, id) => on.users.updateMany({ where: { id }, data: { visits: { increment: 1 } } }),
      addContacts: (tx, contacts: readonly Contact[]) => tx.contacts.createMany({ data: [...contacts] }),
    }),
    page: (id) =>
      prisma.users.findUniqueOrThrow({
        where: { id },
        include: {
          purchases: { orderBy: { id: 'asc' }, include: { lines: { orderBy: { id: 'asc' } } } },
        },
      }),
    close: () => prisma.$disconnect(),
  }
}
