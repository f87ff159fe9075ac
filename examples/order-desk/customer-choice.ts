import { fail, type Query, succeed } from '@leasehold/core'
import { UnknownCustomer } from './errors.ts'

/** Customers tell their number, or only their last name. */
export type CustomerChoice = { readonly number: number } | { readonly lastName: string }

/** Clauses 2.5.2.2 and 2.6.2.2: of several customers of one name, sorted by first name, the one in the middle. */
export function middle<T>(sorted: readonly T[], lastName: string, district: number): Query<T, 'read'> {
  const found = sorted[Math.ceil(sorted.length / 2) - 1]
  return found === undefined ? fail(new UnknownCustomer(lastName, district)) : succeed(found)
}
