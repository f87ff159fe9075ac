/** The sessions that are compared: one that prepares what it is asked for again, one that never does, and a plain one. */
import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import type { TestServer } from '@leasehold/test-support/server'
import type { Kysely } from 'kysely'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import type { AnyDatabase } from './expressions.ts'

export interface Sessions {
  readonly db: Kysely<AnyDatabase>
  readonly prepared: UnitOfWork
  readonly text: UnitOfWork
  /** What SQL of this file's own gives, on a connection that has nothing to do with Leasehold. */
  readonly rows: (sql: string) => Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}

export async function openSessions(server: TestServer): Promise<Sessions> {
  const { name, uri } = await createDatabase(server)
  const { host, port, user, password } = server
  const plain: Connection = await createConnection({ host, port, user, password, database: name })
  const uow = (preparedStatements: number): UnitOfWork =>
    createUnitOfWork({
      driver: mysqlDriver({
        uri,
        preparedStatements,
        pool: { max: 1 },
        bigints: 'string',
        datetimes: 'string',
      }),
      warnUnused: false,
    })
  const [prepared, text] = [uow(1_000), uow(0)]
  return {
    db: mysqlBuilder<AnyDatabase>(),
    prepared,
    text,
    async rows(sql) {
      const [rows] = await plain.query<RowDataPacket[]>(sql)
      return Array.isArray(rows) ? rows : []
    },
    async close() {
      await Promise.all([prepared.close(), text.close()])
      await plain.end()
    },
  }
}
