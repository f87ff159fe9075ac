import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type { PaymentInput } from '../../../examples/order-desk/transactions/payment.ts'
import type { Contact, User } from '../data/shop.ts'

/** Connections that every peer may open. */
export const poolSize = 10

/** Opens a peer's pool on the database at the uri. */
export type OpenPeer = (uri: string) => Promise<Peer>

/**
 * What is compared: the same units, each as the peer's documentation would have it written. What they give is compared
 * as well, so they give it in one form. A peer leaves out what it is not meant to be compared by.
 */
export interface Peer {
  /** An order in one transaction, each of its 26 to 66 statements by itself. */
  readonly newOrder?: (input: NewOrderInput) => Promise<PlacedOrder>
  /** The same with a list for each table to read, and one insert for all lines: as somebody careful would write it. */
  readonly newOrderBatched?: (input: NewOrderInput) => Promise<PlacedOrder>
  readonly payment?: (input: PaymentInput) => Promise<Paid>
  /** A user, the purchases, and their lines: by the peer's means for relations where it has them. */
  readonly page?: (user: number) => Promise<Page>
  readonly user?: (id: number) => Promise<User>
  /** One after the other in one transaction; whoever can send them together does. */
  readonly users?: (ids: readonly number[]) => Promise<readonly User[]>
  /** Adds one to the visits of a user. */
  readonly visit?: (id: number) => Promise<void>
  /** Reads a user and adds one to the visits, in one transaction; gives the visits so far. */
  readonly readAndVisit?: (id: number) => Promise<number>
  /** Writes all contacts in one transaction. */
  readonly importContacts?: (contacts: readonly Contact[]) => Promise<void>
  /** As `users`, of any number. */
  readonly manyReads?: (ids: readonly number[]) => Promise<number>
  readonly close: () => Promise<void>
}

export interface PlacedOrder {
  readonly order: number
  readonly cents: number
}

export interface Paid {
  readonly customer: number
  readonly balance: number
}

export interface Page {
  readonly name: string
  readonly purchases: readonly {
    readonly id: number
    readonly cents: number
    readonly lines: readonly { readonly product: string; readonly quantity: number }[]
  }[]
}
