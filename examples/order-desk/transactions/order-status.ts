import { all, succeed } from '@leasehold/core'
import { type CustomerChoice, middle } from '../customer-choice.ts'
import { customers } from '../repositories/customers.ts'
import { orderLines } from '../repositories/order-lines.ts'
import { orders } from '../repositories/orders.ts'

export interface OrderStatusInput {
  readonly warehouse: number
  readonly district: number
  readonly choice: CustomerChoice
}

/** Clause 2.6: the state of a customer's latest order. Two flights for a customer's number, three for a last name. */
export const orderStatus = ({ warehouse, district, choice }: OrderStatusInput) =>
  customerWithOrder({ warehouse, district, choice }).andThen(({ customer, order }) =>
    (order === undefined ? succeed([]) : orderLines.of({ warehouse, district, order: order.o_id })).map(
      (lines) => ({ customer, order, lines }),
    ),
  )

const customerWithOrder = ({ warehouse, district, choice }: OrderStatusInput) =>
  'number' in choice
    ? byNumber(warehouse, district, choice.number)
    : byLastName(warehouse, district, choice.lastName)

const byNumber = (warehouse: number, district: number, customer: number) =>
  all({
    customer: customers.balance({ warehouse, district, customer }),
    order: orders.latestOf({ warehouse, district, customer }),
  })

/** A last name must become a number before anybody can look for the order. */
const byLastName = (warehouse: number, district: number, lastName: string) =>
  customers
    .balancesByLastName(warehouse, district, lastName)
    .andThen((namesakes) => middle(namesakes, lastName, district))
    .andThen((customer) =>
      orders.latestOf({ warehouse, district, customer: customer.c_id }).map((order) => ({ customer, order })),
    )
