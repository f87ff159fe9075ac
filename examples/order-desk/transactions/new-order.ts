import { all, program, type ResultOf } from '@leasehold/core'
import { orderTotal } from '../amounts.ts'
import { ORIGINAL } from '../generate/strings.ts'
import { customers } from '../repositories/customers.ts'
import { districts } from '../repositories/districts.ts'
import { items } from '../repositories/items.ts'
import { newOrders } from '../repositories/new-orders.ts'
import { orderLines } from '../repositories/order-lines.ts'
import { orders } from '../repositories/orders.ts'
import { stock } from '../repositories/stock.ts'
import { warehouses } from '../repositories/warehouses.ts'
import { zip } from '../zip.ts'

export interface NewOrderInput {
  readonly warehouse: number
  readonly district: number
  readonly customer: number
  readonly lines: readonly NewOrderLine[]
  readonly enteredAt: Date
}

export interface NewOrderLine {
  readonly item: number
  readonly supplyWarehouse: number
  readonly quantity: number
}

/** Clause 2.4: a customer orders five to fifteen items. Three flights: the reads, the writes, the commit. */
export const newOrder = ({ warehouse, district, customer, lines, enteredAt }: NewOrderInput) =>
  program(function* () {
    // The input names every row to read, so no read waits for another and all share a flight. Locks come first: plain
    // reads see the data as of the first of them, which had better be after the waiting. The district comes late among
    // the locks, because all orders of a district queue for it.
    const numbered = inLockOrder(lines)
    const found = yield* all({
      stock: all(numbered.map((line) => stock.lock(line.supplyWarehouse, line.item, district))),
      district: districts.lockOrderNumber(warehouse, district),
      warehouse: warehouses.tax(warehouse),
      customer: customers.terms({ warehouse, district, customer }),
      items: all(numbered.map((line) => items.byId(line.item))),
    })
    const priced = zip(numbered, zip(found.stock, found.items)).map(([line, [stock, item]]) =>
      price(line, stock, item),
    )

    const order = found.district.d_next_o_id
    const remote = lines.some((line) => line.supplyWarehouse !== warehouse)
    yield* all([
      districts.setNextOrderNumber(warehouse, district, order + 1),
      orders.add([
        {
          o_w_id: warehouse,
          o_d_id: district,
          o_id: order,
          o_c_id: customer,
          o_entry_d: enteredAt,
          o_carrier_id: null,
          o_ol_cnt: lines.length,
          o_all_local: remote ? 0 : 1,
        },
      ]),
      newOrders.add([{ no_w_id: warehouse, no_d_id: district, no_o_id: order }]),
      ...priced.flatMap(({ line, cents, districtInfo }) => [
        stock.take(line.supplyWarehouse, line.item, line.quantity, line.supplyWarehouse !== warehouse),
        orderLines.add([
          {
            ol_w_id: warehouse,
            ol_d_id: district,
            ol_o_id: order,
            ol_number: line.number,
            ol_i_id: line.item,
            ol_supply_w_id: line.supplyWarehouse,
            ol_delivery_d: null,
            ol_quantity: line.quantity,
            ol_amount: cents,
            ol_dist_info: districtInfo,
          },
        ]),
      ]),
    ])

    return {
      order,
      customer: found.customer,
      lines: priced.toSorted((a, b) => a.line.number - b.line.number),
      cents: orderTotal(
        priced.map(({ cents }) => cents),
        {
          discount: found.customer.c_discount,
          warehouseTax: found.warehouse.w_tax,
          districtTax: found.district.d_tax,
        },
      ),
    }
  })

type FoundStock = ResultOf<ReturnType<typeof stock.lock>>
type FoundItem = ResultOf<ReturnType<typeof items.byId>>

interface NumberedLine extends NewOrderLine {
  readonly number: number
}

/** All orders lock the rows of STOCK in the same order, so that two orders never wait for each other. */
function inLockOrder(lines: readonly NewOrderLine[]): NumberedLine[] {
  return lines
    .map((line, index) => ({ ...line, number: index + 1 }))
    .sort((a, b) => a.supplyWarehouse - b.supplyWarehouse || a.item - b.item)
}

function price(line: NumberedLine, stock: FoundStock, item: FoundItem) {
  const original = item.i_data.includes(ORIGINAL) && stock.s_data.includes(ORIGINAL)
  return {
    line,
    name: item.i_name,
    price: item.i_price,
    cents: line.quantity * item.i_price,
    brand: original ? ('B' as const) : ('G' as const),
    districtInfo: stock.districtInfo,
  }
}
