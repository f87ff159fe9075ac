/**
 * Probes that travel among the statements of the set-up, so that shorter ones follow longer ones and vice versa: some proxies
 * cut a statement at the length of the one before. Each probe returns a distinct number.
 */
import type { Reply } from '../protocol/reply-readers.ts'
import { DesyncError } from '../errors.ts'
import { KEPT, keptOf, STATUS } from './session-sql.ts'

const PROBES = [
  { sql: 'SELECT 4711 AS probe', probe: 4_711 },
  { sql: 'SELECT 17 AS probe', probe: 17 },
  // Accounts that may set init_connect begin without it, and are the same before and after a reset.
  { sql: `SELECT 101 AS probe, @@init_connect AS initConnect, ${KEPT}`, probe: 101 },
] as const

/** The statements to send for these two. Their answers are the second and the fourth. */
export function amongProbes(first: string, second: string): readonly string[] {
  const [ahead, between, behind] = PROBES
  return [ahead.sql, first, between.sql, second, behind.sql]
}

/** The initial state of a session. */
export interface Baseline {
  /** Whether init_connect ran, which a reset does not repeat. */
  readonly hasInitConnect: boolean
  readonly kept: string
}

/** Throws a {@link DesyncError} if an answer belongs to another statement, or the set-up has failed. */
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
