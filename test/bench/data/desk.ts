/** The order desk of the example, small enough to be loaded in a moment and large enough for its indexes to matter. */
import { constantsForLoad, constantsForRun } from '../../../examples/order-desk/generate/nurand.ts'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { type Clerk, newOrderInput, paymentInput } from '../../../examples/order-desk/input.ts'
import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type { PaymentInput } from '../../../examples/order-desk/transactions/payment.ts'

export const scale = { warehouses: 1, items: 2_000, districtsPerWarehouse: 10, customersPerDistrict: 300 }

export const seed = 511
export const constants = constantsForLoad(new Random(seed))
const runConstants = constantsForRun(new Random(seed, 1), constants)

function clerk(random: Random): Clerk {
  return { random, scale, constants: runConstants, warehouse: 1 }
}

/** Orders of five to fifteen items that exist: one of an item that does not would end early, and measure something else. */
export function nextOrder(random: Random): NewOrderInput {
  for (;;) {
    const input = newOrderInput(clerk(random))
    if (input.lines.every(({ item }) => item <= scale.items)) return { ...input, enteredAt: someDay(random) }
  }
}

export function nextPayment(random: Random): PaymentInput {
  return { ...paymentInput(clerk(random)), paidAt: someDay(random) }
}

/** Not today, so that all peers leave the same rows behind. */
function someDay(random: Random): Date {
  return new Date(Date.UTC(2024, 0, 1, 0, 0, random.integer(0, 365 * 86_400)))
}
