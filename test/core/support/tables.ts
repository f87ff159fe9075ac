/** Tables with all that a table repository looks after, and with nothing of it. */
import { composer, tableRepository } from '@leasehold/core'
import {
  CamelCasePlugin,
  type ColumnType,
  type Generated,
  type Kysely,
  MysqlAdapter,
  MysqlQueryCompiler,
} from 'kysely'

export interface Tables {
  accounts: {
    id: Generated<number>
    name: string
    cents: number
    note: string | null
    version: Generated<number>
    createdAt: Date
    updatedAt: Date
    deletedAt: Date | null
  }
  lines: { orderId: number; line: number; text: ColumnType<string, string, string> }
}

export const tables: Kysely<Tables> = composer<Tables>({
  adapter: new MysqlAdapter(),
  queryCompiler: new MysqlQueryCompiler(),
  plugins: [new CamelCasePlugin()],
})

export const accounts = tableRepository(tables, 'accounts', {
  key: 'id',
  version: 'version',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  softDelete: 'deletedAt',
})

/** The same without anything to look after. */
export const plain = tableRepository(tables, 'accounts', { key: 'id' })

export const lines = tableRepository(tables, 'lines', { key: ['orderId', 'line'] })
