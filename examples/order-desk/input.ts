import type { CustomerChoice } from './customer-choice.ts'
import { LAST_NAMES, lastName } from './generate/last-name.ts'
import { type NuRandConstants, nuRand } from './generate/nurand.ts'
import type { Random } from './generate/random.ts'
import type { Scale } from './scale.ts'
import type { DeliveryInput } from './transactions/delivery.ts'
import type { NewOrderInput } from './transactions/new-order.ts'
import type { OrderStatusInput } from './transactions/order-status.ts'
import type { PaymentInput } from './transactions/payment.ts'
import type { StockLevelInput } from './transactions/stock-level.ts'

/** What a clerk types in, made up by the rules of clause 2. Each clerk works at one warehouse. */
export interface Clerk {
  readonly random: Random
  readonly scale: Scale
  readonly constants: NuRandConstants
  readonly warehouse: number
}

/** Clause 2.4.1. */
export function newOrderInput(clerk: Clerk): NewOrderInput {
  const { random, scale, constants, warehouse } = clerk
  const count = random.integer(5, 15)
  // Clause 2.4.1.4: one order in a hundred has an unknown item, its last, and must leave nothing behind.
  const mistyped = random.chance(1) ? count - 1 : undefined
  return {
    warehouse,
    district: anyDistrict(clerk),
    customer: nuRand(random, constants, 'customer', 1, scale.customersPerDistrict),
    lines: Array.from({ length: count }, (_, index) => ({
      item: index === mistyped ? scale.items + 1 : nuRand(random, constants, 'item', 1, scale.items),
      supplyWarehouse: random.chance(1) ? otherWarehouse(clerk) : warehouse,
      quantity: random.integer(1, 10),
    })),
    enteredAt: new Date(),
  }
}

/** Clause 2.5.1. */
export function paymentInput(clerk: Clerk): PaymentInput {
  const { random, warehouse } = clerk
  const district = anyDistrict(clerk)
  const remote = random.chance(15) && clerk.scale.warehouses > 1
  return {
    warehouse,
    district,
    customer: {
      warehouse: remote ? otherWarehouse(clerk) : warehouse,
      district: remote ? anyDistrict(clerk) : district,
      choice: anyCustomer(clerk),
    },
    cents: random.integer(1_00, 5000_00),
    paidAt: new Date(),
  }
}

/** Clause 2.6.1. */
export function orderStatusInput(clerk: Clerk): OrderStatusInput {
  return { warehouse: clerk.warehouse, district: anyDistrict(clerk), choice: anyCustomer(clerk) }
}

/** Clause 2.7.1. */
export function deliveryInput({ random, scale, warehouse }: Clerk): DeliveryInput {
  return {
    warehouse,
    districts: scale.districtsPerWarehouse,
    carrier: random.integer(1, 10),
    deliveredAt: new Date(),
  }
}

/** Clause 2.8.1, but for any district: the specification ties each terminal to one. */
export function stockLevelInput(clerk: Clerk): StockLevelInput {
  return {
    warehouse: clerk.warehouse,
    district: anyDistrict(clerk),
    threshold: clerk.random.integer(10, 20),
  }
}

function anyDistrict({ random, scale }: Clerk): number {
  return random.integer(1, scale.districtsPerWarehouse)
}

/** Clauses 2.5.1.2 and 2.6.1.2: six in ten customers tell their last name, the others their number. */
function anyCustomer({ random, scale, constants }: Clerk): CustomerChoice {
  if (random.chance(60)) {
    const names = Math.min(LAST_NAMES, scale.customersPerDistrict)
    return { lastName: lastName(nuRand(random, constants, 'lastName', 0, names - 1)) }
  }
  return { number: nuRand(random, constants, 'customer', 1, scale.customersPerDistrict) }
}

/** Another warehouse where there is one. */
function otherWarehouse({ random, scale, warehouse }: Clerk): number {
  if (scale.warehouses === 1) return warehouse
  const other = random.integer(1, scale.warehouses - 1)
  return other < warehouse ? other : other + 1
}
