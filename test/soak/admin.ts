import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise'
import type { ServerAddress } from '@leasehold/test-support/server'
import type { Random } from '../../examples/order-desk/generate/random.ts'

/** The sessions that use the database: those of the unit of work. */
export function sessionsOf(server: ServerAddress, database: string): Promise<number[]> {
  return asAdmin(server, (admin) => sessions(admin, database))
}

export function killOneOf(server: ServerAddress, database: string, random: Random): Promise<void> {
  return asAdmin(server, async (admin) => {
    const ids = await sessions(admin, database)
    const id = ids[random.integer(0, ids.length - 1)]
    // It may have ended since.
    if (id !== undefined) await admin.query(`kill ${id}`).catch(ignoreUnknownSession)
  })
}

/** How many rows a table has. */
export function countRows(server: ServerAddress, table: string): Promise<number> {
  return asAdmin(server, async (admin) => {
    const [rows] = await admin.query<RowDataPacket[]>(`select count(*) as total from ${table}`)
    return Number(rows[0]?.['total'])
  })
}

async function sessions(admin: Connection, database: string): Promise<number[]> {
  const [rows] = await admin.query<RowDataPacket[]>('show processlist')
  return rows.filter((row) => row['db'] === database).map((row) => Number(row['Id']))
}

function ignoreUnknownSession(error: unknown): void {
  if ((error as { errno?: number }).errno !== 1094) throw error
}

/** A connection of its own each time, since none outlives a crash. It names no database, so it is none of ours. */
async function asAdmin<T>(server: ServerAddress, ask: (admin: Connection) => Promise<T>): Promise<T> {
  const { host, port, user, password } = server
  const admin = await createConnection({ host, port, user, password })
  try {
    return await ask(admin)
  } finally {
    await admin.end()
  }
}
