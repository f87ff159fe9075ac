import { all, program, type Query, type ResultOf } from '@leasehold/core'
import { formatCents } from '../amounts.ts'
import { type CustomerChoice, middle } from '../customer-choice.ts'
import { type CustomerKey, customers } from '../repositories/customers.ts'
import { districts } from '../repositories/districts.ts'
import { history } from '../repositories/history.ts'
import { warehouses } from '../repositories/warehouses.ts'

export interface PaymentInput {
  /** Where the payment is made … */
  readonly warehouse: number
  readonly district: number
  /** … and where the customer belongs to, which may be elsewhere. */
  readonly customer: {
    readonly warehouse: number
    readonly district: number
    readonly choice: CustomerChoice
  }
  readonly cents: number
  readonly paidAt: Date
}

/** Clause 2.5: a customer pays. Three flights: what needs no answer, what needs the customer's data, the commit. */
export const payment = ({ warehouse, district, customer, cents, paidAt }: PaymentInput) =>
  program(function* () {
    // Locks and writes come before plain reads, which fix the snapshot: what the rivals commit meanwhile would be newer
    // than it. The warehouse comes last among them, because all payments queue for it.
    const found = yield* all({
      account: lockAccount(customer),
      received: all([districts.receive(warehouse, district, cents), warehouses.receive(warehouse, cents)]),
      district: districts.address(warehouse, district),
      warehouse: warehouses.address(warehouse),
    })

    const { account } = found
    const key = { warehouse: customer.warehouse, district: customer.district, customer: account.c_id }
    yield* all([
      customers.pay(key, cents, accountData(account, key, { warehouse, district, cents })),
      history.add([
        {
          h_c_id: key.customer,
          h_c_d_id: key.district,
          h_c_w_id: key.warehouse,
          h_d_id: district,
          h_w_id: warehouse,
          h_date: paidAt,
          h_amount: cents,
          h_data: `${found.warehouse.w_name}    ${found.district.d_name}`,
        },
      ]),
    ])

    return { customer: account.c_id, balance: account.c_balance - cents }
  })

function lockAccount({ warehouse, district, choice }: PaymentInput['customer']): Query<Account> {
  if ('number' in choice) return customers.lockAccount({ warehouse, district, customer: choice.number })
  const { lastName } = choice
  return customers
    .lockAccountsByLastName(warehouse, district, lastName)
    .andThen((namesakes) => middle(namesakes, lastName, district))
}

type Account = ResultOf<ReturnType<typeof customers.lockAccount>>

/** Clause 2.5.2.2: an account of bad credit remembers its payments, the latest first, as far as they fit. */
function accountData(
  account: Account,
  key: CustomerKey,
  paid: { readonly warehouse: number; readonly district: number; readonly cents: number },
): string {
  if (account.c_credit === 'GC') return account.c_data
  const from = [key.customer, key.district, key.warehouse]
  const entry = [...from, paid.district, paid.warehouse, formatCents(paid.cents)].join(' ')
  return `${entry} ${account.c_data}`.slice(0, 500)
}
