/** SQL that sets and asks for the state of a session. */
import type { Reply } from '../protocol/reply-readers.ts'
import type { ServerKind } from '../protocol/server-kind.ts'

/**
 * The state of every session at the beginning of a lease, except its mode.
 *
 * - `autocommit = 0`: after a deadlock, which rolls back the whole transaction, the rest of the flight falls into a new
 *   transaction that ROLLBACK ends. With autocommit, the server would commit it statement by statement.
 * - `completion_type`: COMMIT and ROLLBACK leave no transaction open.
 * - `time_zone`: dates are sent and read in UTC.
 * - `utf8mb4`: the character set that values are escaped for.
 * - `session_track_…`: the server reports statements that change the session.
 */
export const SESSION_SETUP_SQL: string =
  "SET NAMES utf8mb4, autocommit = 0, completion_type = 'NO_CHAIN', time_zone = '+00:00', " +
  "session_track_state_change = 1, session_track_system_variables = 'autocommit,character_set_client,character_set_connection," +
  "character_set_results,collation_connection'"

/**
 * `units`: statements run in a transaction until COMMIT or ROLLBACK. `reads`: each statement is a read-only transaction of its
 * own, which needs no end.
 */
export type SessionMode = 'units' | 'reads'

/** Switches the mode. Sessions begin in `units`; leaving `reads` restores the server's own access mode. */
export function modeSql(mode: SessionMode, server: ServerKind): string {
  const readOnly = server === 'mariadb' ? 'tx_read_only' : 'transaction_read_only'
  return mode === 'reads'
    ? `SET autocommit = 1, ${readOnly} = 1`
    : `SET autocommit = 0, ${readOnly} = DEFAULT`
}

/**
 * The part of `sql_mode` that decides how strings are written. The status flag for it can be wrong: the end of a routine
 * restores the mode and not the flag (`server-facts/sql-mode`).
 */
const NO_BACKSLASH_ESCAPES: string =
  "FIND_IN_SET('NO_BACKSLASH_ESCAPES', @@sql_mode) > 0 AS noBackslashEscapes"

/** The variables that decide in which character set text travels. */
export const CHARSET_VARIABLES = [
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'collation_connection',
] as const

/** Asks what decides how strings are written. */
export const WRITING_SQL: string = `SELECT ${[
  NO_BACKSLASH_ESCAPES,
  ...CHARSET_VARIABLES.map((name) => `@@${name} AS ${name}`),
].join(', ')}`

export const LIMITS_SQL: string =
  `SELECT ${NO_BACKSLASH_ESCAPES}, connection_id() AS id, @@max_allowed_packet AS maxAllowedPacket, @@max_sort_length AS maxSortLength, ` +
  'version() AS version'

/** State that a reset does not restore. */
export const KEPT: string = 'current_user() AS account, current_role() AS role, database() AS chosen'

export const KEPT_SQL: string = `SELECT ${KEPT}, ${NO_BACKSLASH_ESCAPES}`

/** State that a reset does not restore, in a comparable form. */
export function keptOf(reply: Reply | undefined): string {
  const { account, role, chosen } = reply?.rows?.[0] ?? {}
  return JSON.stringify([account, role, chosen])
}

/** Flags of the server's status (MySQL Source Documentation, "SERVER_STATUS_flags_enum"). */
export const STATUS: Readonly<Record<'IN_TRANS' | 'AUTOCOMMIT' | 'NO_BACKSLASH_ESCAPES', number>> = {
  IN_TRANS: 0x0001,
  AUTOCOMMIT: 0x0002,
  NO_BACKSLASH_ESCAPES: 0x0200,
}
