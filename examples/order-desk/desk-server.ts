import { randomBytes } from 'node:crypto'
import { startServer } from '@leasehold/test-support/server'
import { createConnection, type RowDataPacket } from 'mysql2/promise'

/** A server with an empty database for the desk. */
export interface DeskServer {
  /** As in "MariaDB 10.11.6". */
  readonly name: string
  readonly uri: string
  /** Drops the database, and ends the server if it was started for the desk. */
  close(): Promise<void>
}

/** The message is for the person who named the server. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
}

export async function openDeskServer(
  url: string | undefined,
  log: (line: string) => void,
): Promise<DeskServer> {
  if (url !== undefined) return onServer(url)
  const server = await startServer({ log })
  if (server.embedded) log('Its commits do not wait for the disk.')
  try {
    const desk = await onServer(server.uri())
    // A server of its own takes its databases with it.
    return server.embedded ? { ...desk, close: () => server.stop() } : desk
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function onServer(url: string): Promise<DeskServer> {
  const database = `order_desk_${randomBytes(6).toString('hex')}`
  const server = withDatabase(url, '')
  return {
    name: await execute(server, `create database ${database} character set utf8mb4`),
    uri: withDatabase(url, database),
    async close() {
      try {
        await execute(server, `drop database if exists ${database}`)
      } catch (error) {
        // Thrown, it would take the place of what went wrong before.
        console.error(`the database ${database} is left behind:`, error)
      }
    },
  }
}

function withDatabase(url: string, database: string): string {
  const uri = new URL(url)
  uri.pathname = database
  return uri.href
}

/** Runs one statement and tells what the server calls itself. */
async function execute(uri: string, sql: string): Promise<string> {
  const { hostname, port, username } = new URL(uri)
  const connection = await createConnection({ uri }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ServerError(`no connection to ${hostname}:${port || 3306} as ${username}: ${why}`, { cause })
  })
  try {
    await connection.query(sql)
    const [rows] = await connection.query<RowDataPacket[]>('select version() as version')
    return productName(String(rows[0]?.['version']))
  } finally {
    await connection.end()
  }
}

function productName(version: string): string {
  const [number = version] = version.split('-')
  return `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${number}`
}
