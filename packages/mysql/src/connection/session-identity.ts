/** Who a session is: a number means nothing without the server that gave it, nor beyond that server's restart. */
import type { Reply } from '../protocol/reply-readers.ts'

export interface SessionIdentity {
  /** The server's own number of the session; what a proxy greets with may be another, or 0. */
  readonly id: number
  /** One run of one server; `undefined` where it does not tell. */
  readonly server: string | undefined
}

/** A restarted server keeps its name and begins its numbers anew: the second in which it was started tells it apart. */
function startedSql(schema: string): string {
  return `unix_timestamp() - (SELECT variable_value FROM ${schema}.global_status WHERE variable_name = 'Uptime')`
}

/**
 * Asks a server who it is. Each of the two runs its own comment and ignores the other's. Any account may ask, with the
 * performance schema switched off, too. As a variable, server_uid would be an error where MariaDB is too old to have it.
 */
export const SERVER_SQL: string =
  'SELECT @@hostname AS host, @@port AS port' +
  ` /*!80000 , @@server_uuid AS uid, ${startedSql('performance_schema')} AS started */` +
  " /*M! , (SELECT variable_value FROM information_schema.global_variables WHERE variable_name = 'server_uid') AS uid" +
  `, ${startedSql('information_schema')} AS started */`

/** What the answer to {@link SERVER_SQL} tells: `undefined` without the instant, for who was restarted is another. */
export function serverOf(answer: Reply | Error | undefined): string | undefined {
  if (answer === undefined || answer instanceof Error) return undefined
  const { host, port, uid, started } = answer.rows?.[0] ?? {}
  if (started === undefined || started === null) return undefined
  return JSON.stringify([host, port, uid, started].map(String))
}
