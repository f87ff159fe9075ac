/** The units of the shop, for peers whose statements are functions of what they run on. */
import type { Contact, Purchase, PurchaseLine, User } from '../data/shop.ts'
import { found } from './desk-units.ts'
import type { Page, Peer } from './peer.ts'

export interface ShopStatements<On, Tx extends On> {
  /** What a statement without a transaction runs on. */
  readonly direct: On
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  user(on: On, id: number): Promise<User | undefined | null>
  /** By id. */
  purchases(on: On, user: number): Promise<readonly Pick<Purchase, 'id' | 'cents'>[]>
  /** By id. */
  lines(on: On, purchases: number[]): Promise<readonly Omit<PurchaseLine, 'id'>[]>
  visit(on: On, id: number): Promise<unknown>
  addContacts(tx: Tx, contacts: readonly Contact[]): Promise<unknown>
}

type ShopUnits = Required<Pick<Peer, 'page' | 'user' | 'users' | 'visit' | 'readAndVisit' | 'importContacts'>>

export function shopUnits<On, Tx extends On>(shop: ShopStatements<On, Tx>): ShopUnits {
  const user = async (on: On, id: number) => found(await shop.user(on, id))
  return {
    async page(id) {
      const { name } = await user(shop.direct, id)
      const purchases = await shop.purchases(shop.direct, id)
      const lines = await shop.lines(
        shop.direct,
        purchases.map((purchase) => purchase.id),
      )
      return pageOf(name, purchases, lines)
    },
    user: (id) => user(shop.direct, id),
    users: (ids) =>
      shop.transaction(async (tx) => {
        const users: User[] = []
        for (const id of ids) users.push(await user(tx, id))
        return users
      }),
    async visit(id) {
      await shop.visit(shop.direct, id)
    },
    readAndVisit: (id) =>
      shop.transaction(async (tx) => {
        const { visits } = await user(tx, id)
        await shop.visit(tx, id)
        return visits
      }),
    importContacts: (contacts) =>
      shop.transaction(async (tx) => {
        await shop.addContacts(tx, contacts)
      }),
  }
}

export function pageOf(
  name: string,
  purchases: readonly Pick<Purchase, 'id' | 'cents'>[],
  lines: readonly Omit<PurchaseLine, 'id'>[],
): Page {
  const byPurchase = Map.groupBy(lines, (line) => line.purchase_id)
  return {
    name,
    purchases: purchases.map(({ id, cents }) => ({ id, cents, lines: byPurchase.get(id) ?? [] })),
  }
}
