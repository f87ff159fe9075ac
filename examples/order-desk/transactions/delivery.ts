import { all, program } from '@leasehold/core'
import { customers } from '../repositories/customers.ts'
import { newOrders } from '../repositories/new-orders.ts'
import { orderLines } from '../repositories/order-lines.ts'
import { orders } from '../repositories/orders.ts'
import { numbersTo } from '../scale.ts'

export interface DeliveryInput {
  readonly warehouse: number
  readonly districts: number
  readonly carrier: number
  readonly deliveredAt: Date
}

/**
 * Clause 2.7: delivers the oldest waiting order of every district. The districts do not depend on one another, so
 * they take their steps side by side: as many flights for ten districts as for one.
 */
export const delivery = ({ warehouse, districts, carrier, deliveredAt }: DeliveryInput) =>
  all(numbersTo(districts).map((district) => deliverOldest(warehouse, district, carrier, deliveredAt)))

const deliverOldest = (warehouse: number, district: number, carrier: number, deliveredAt: Date) =>
  program(function* () {
    const order = yield* newOrders.lockOldest(warehouse, district)
    // Clause 2.7.4.2: a district without a waiting order is skipped.
    if (order === undefined) return undefined

    const key = { warehouse, district, order }
    const { customer, cents } = yield* all({
      removed: newOrders.remove(key),
      customer: orders.customer(key),
      assigned: orders.assignCarrier(key, carrier),
      delivered: orderLines.deliver(key, deliveredAt),
      cents: orderLines.amountOf(key),
    })
    yield* customers.charge({ warehouse, district, customer }, cents)
    return order
  })
