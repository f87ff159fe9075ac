/** A small database and its builder; core's tests need no driver package. */
import { composer } from '@leasehold/core'
import { type Generated, type Kysely, MysqlAdapter, MysqlQueryCompiler, type KyselyPlugin } from 'kysely'

export interface Database {
  accounts: { id: Generated<number>; ownerName: string; cents: number }
  entries: { id: Generated<number>; account: number; cents: number }
  'bank.branches': { id: Generated<number>; city: string }
}

export interface Account {
  id: number
  ownerName: string
  cents: number
}

export function builder(...plugins: KyselyPlugin[]): Kysely<Database> {
  return composer<Database>({ adapter: new MysqlAdapter(), queryCompiler: new MysqlQueryCompiler(), plugins })
}

export const db: Kysely<Database> = builder()
