/** The identity of a session: its number, and the run of the server that gave it. */
import type { Reply } from '../protocol/reply-readers.ts'

export interface SessionIdentity {
  /** The server's number of the session. A proxy's greeting may state another, or 0. */
  readonly id: number
  /** One run of one server; `undefined` if the server does not identify it. */
  readonly server: string | undefined
}

/** A restarted server keeps its name and restarts its numbers; the second of its start distinguishes the runs. */
function startedSql(schema: string): string {
  return `unix_timestamp() - (SELECT variable_value FROM ${schema}.global_status WHERE variable_name = 'Uptime')`
}

/**
 * Asks for the server's identity. Each server runs its own comment and ignores the other's. Every account may run it, also
 * without the performance schema. Older versions of MariaDB would reject `@@server_uid`.
 */
export const SERVER_SQL: string =
  'SELECT @@hostname AS host, @@port AS port' +
  ` /*!80000 , @@server_uuid AS uid, ${startedSql('performance_schema')} AS started */` +
  " /*M! , (SELECT variable_value FROM information_schema.global_variables WHERE variable_name = 'server_uid') AS uid" +
  `, ${startedSql('information_schema')} AS started */`

/** The identity in the answer to {@link SERVER_SQL}; `undefined` without the time of the start. */
export function serverOf(answer: Reply | Error | undefined): string | undefined {
  if (answer === undefined || answer instanceof Error) return undefined
  const { host, port, uid, started } = answer.rows?.[0] ?? {}
  if (started === undefined || started === null) return undefined
  return JSON.stringify([host, port, uid, started].map(String))
}
