/** Sessions that have nothing to do with Leasehold, for what the servers do by themselves. */
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { afterEach } from 'vitest'
import type { Fixture } from './fixture.ts'

export interface Session {
  readonly id: number
  readonly connection: Connection
  run(sql: string): Promise<ResultSetHeader>
  rows(sql: string): Promise<unknown[]>
  /** The number of the error that the statement fails with; none if it does not. */
  errnoOf(sql: string): Promise<number | undefined>
}

/** Gives sessions of the fixture's database, which are closed when the test is over. */
export function useSessions(fixture: Fixture): () => Promise<Session> {
  const opened: Connection[] = []
  afterEach(() => {
    for (const connection of opened.splice(0)) connection.destroy()
  })
  return async () => {
    const connection = await createConnection(fixture.database.uri)
    opened.push(connection)
    // What is lost shows in the statement that is lost with it.
    connection.on('error', () => {})
    return {
      id: connection.threadId,
      connection,
      async run(sql) {
        const [header] = await connection.query<ResultSetHeader>(sql)
        return header
      },
      async rows(sql) {
        const [rows] = await connection.query<RowDataPacket[]>(sql)
        return rows
      },
      async errnoOf(sql) {
        try {
          await connection.query(sql)
          return undefined
        } catch (error) {
          return (error as { errno?: number }).errno ?? Number.NaN
        }
      },
    }
  }
}

/** The flag of the server's status that tells of an open transaction. */
export function isInTransaction({ serverStatus }: ResultSetHeader): boolean {
  return (serverStatus & 1) === 1
}
