/**
 * Statements among which those that set a session up travel, so that shorter ones follow on longer ones and the other way
 * round: some proxies cut a statement where the one before it would end. Each gives back a number that no other does.
 */
import type { Reply } from '../protocol/reply-readers.ts'
import { DesyncError } from '../errors.ts'
import { NO_BACKSLASH_ESCAPES, STATUS } from './session-setup.ts'

/** What a reset leaves as it finds it. */
const KEPT = 'current_user() AS account, current_role() AS role, database() AS chosen'

const PROBES = [
  { sql: 'SELECT 4711 AS probe', probe: 4_711 },
  { sql: 'SELECT 17 AS probe', probe: 17 },
  // Sessions of accounts that may set it begin without, and are the same with and without a reset.
  { sql: `SELECT 101 AS probe, @@init_connect AS initConnect, ${KEPT}`, probe: 101 },
] as const

/** What to send for these two statements: the answers to them are the second and the fourth. */
export function amongProbes(first: string, second: string): readonly string[] {
  const [ahead, between, behind] = PROBES
  return [ahead.sql, first, between.sql, second, behind.sql]
}

export const KEPT_SQL: string = `SELECT ${KEPT}, ${NO_BACKSLASH_ESCAPES}`

/** What a reset leaves as it finds it, to be compared. */
export function keptOf(reply: Reply | undefined): string {
  const { account, role, chosen } = reply?.rows?.[0] ?? {}
  return JSON.stringify([account, role, chosen])
}

/** How a session begins. */
export interface Baseline {
  /** Whether with something that a reset does not do again. */
  readonly hasInitConnect: boolean
  readonly kept: string
}

/**
 * Throws a {@link DesyncError} if an answer is
 * not that of its own statement, or the session not in its profile.
 */
export function readProbes(replies: readonly Reply[]): Baseline {
  for (const [index, { sql, probe }] of PROBES.entries()) {
    const found = replies[2 * index]?.rows?.[0]?.['probe']
    if (Number(found) === probe) continue
    throw new DesyncError(`expected ${probe} in answer to ${sql}, got ${String(found)}`)
  }
  const last = replies.at(-1)
  if (((last?.status ?? 0) & STATUS.AUTOCOMMIT) !== 0) throw new DesyncError('the profile was not set')
  return { hasInitConnect: Boolean(last?.rows?.[0]?.['initConnect']), kept: keptOf(last) }
}
