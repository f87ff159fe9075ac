import type { Query } from '@leasehold/core'
import {
  type Clerk,
  deliveryInput,
  newOrderInput,
  orderStatusInput,
  paymentInput,
  stockLevelInput,
} from '../../examples/order-desk/input.ts'
import type { TransactionName } from '../../examples/order-desk/mix.ts'
import { delivery } from '../../examples/order-desk/transactions/delivery.ts'
import { newOrder } from '../../examples/order-desk/transactions/new-order.ts'
import { orderStatus } from '../../examples/order-desk/transactions/order-status.ts'
import { payment } from '../../examples/order-desk/transactions/payment.ts'
import { stockLevel } from '../../examples/order-desk/transactions/stock-level.ts'

/** A query is a value with its input inside, so that another attempt runs the very same. */
type Transaction =
  | { readonly access: 'run'; readonly query: (clerk: Clerk) => Query<unknown> }
  | { readonly access: 'read'; readonly query: (clerk: Clerk) => Query<unknown, 'read'> }

export const transactions: Readonly<Record<TransactionName, Transaction>> = {
  'New-Order': { access: 'run', query: (clerk) => newOrder(newOrderInput(clerk)) },
  Payment: { access: 'run', query: (clerk) => payment(paymentInput(clerk)) },
  'Order-Status': { access: 'read', query: (clerk) => orderStatus(orderStatusInput(clerk)) },
  Delivery: { access: 'run', query: (clerk) => delivery(deliveryInput(clerk)) },
  'Stock-Level': { access: 'read', query: (clerk) => stockLevel(stockLevelInput(clerk)) },
}
