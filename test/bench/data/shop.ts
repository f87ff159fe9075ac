/** Users, what they bought, and a table to import into: rows that every ORM's documentation could be about. */
import type { Connection } from 'mysql2/promise'

export const users = 200
const purchasesPerUser = 20
const linesPerPurchase = 3

export interface User {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly visits: number
}

export interface Purchase {
  readonly id: number
  readonly user_id: number
  readonly cents: number
}

export interface PurchaseLine {
  readonly id: number
  readonly purchase_id: number
  readonly product: string
  readonly quantity: number
}

export interface Contact {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly score: number
}

export interface ShopTables {
  users: User
  purchases: Purchase
  purchase_lines: PurchaseLine
  contacts: Contact
}

const TABLES = [
  `users (
    id int not null primary key,
    name varchar(40) not null,
    email varchar(60) not null,
    visits int not null
  )`,
  `purchases (
    id int not null primary key,
    user_id int not null,
    cents int not null,
    key by_user (user_id)
  )`,
  `purchase_lines (
    id int not null primary key,
    purchase_id int not null,
    product varchar(40) not null,
    quantity int not null,
    key by_purchase (purchase_id)
  )`,
  `contacts (
    id int not null primary key,
    name varchar(40) not null,
    email varchar(60) not null,
    score int not null
  )`,
]

export async function loadShop(connection: Connection): Promise<void> {
  for (const table of TABLES) await connection.query(`create table ${table}`)
  for (let first = 1; first <= users; first += 100) {
    const userIds = numbersFrom(first, 100)
    const purchaseIds = numbersFrom((first - 1) * purchasesPerUser + 1, 100 * purchasesPerUser)
    const lineIds = numbersFrom(
      (first - 1) * purchasesPerUser * linesPerPurchase + 1,
      100 * purchasesPerUser * linesPerPurchase,
    )
    await connection.query('insert into users values ?', [
      userIds.map((id) => [id, `User ${id}`, `user-${id}@example.com`, 0]),
    ])
    await connection.query('insert into purchases values ?', [
      purchaseIds.map((id) => [id, Math.ceil(id / purchasesPerUser), (id * 7919) % 100_000]),
    ])
    await connection.query('insert into purchase_lines values ?', [
      lineIds.map((id) => [id, Math.ceil(id / linesPerPurchase), `Product ${id % 977}`, (id % 9) + 1]),
    ])
  }
}

function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}
