/** Outcome keys (idempotency keys) of committed units, in the table of the migration `outcomeTable`. */
import type { OutcomeLedger } from '@leasehold/core'
import { mysqlBuilder } from '../builder/builder.ts'

/** The length is core's limit for a key. VARBINARY compares bytes; collations would ignore trailing blanks. */
const KEY_TYPE = 'VARBINARY(1020) NOT NULL'

/** Migration that creates the table for outcome keys. Run it once, outside of units, in each database that needs it. */
export const outcomeTable: string =
  `CREATE TABLE IF NOT EXISTS leasehold_outcomes (key_bytes ${KEY_TYPE} PRIMARY KEY, ` +
  'committed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (committed_at)) ENGINE = InnoDB'

/**
 * Migration from the earlier definition of the table, which had keys as text in the column `outcome_key`. It keeps the keys.
 * Run it once, outside of units, where an earlier {@link outcomeTable} was run; until then, units with a key are refused.
 */
export const outcomeTableUpgrade: string = `ALTER TABLE leasehold_outcomes CHANGE outcome_key key_bytes ${KEY_TYPE}`

const db = mysqlBuilder<{ leasehold_outcomes: { key_bytes: Uint8Array } }>()

export const outcomes: OutcomeLedger = {
  record: (key) => db.insertInto('leasehold_outcomes').values({ key_bytes: Buffer.from(key) }),
  find: (key) =>
    db
      .selectFrom('leasehold_outcomes')
      .select('key_bytes')
      .where('key_bytes', '=', Buffer.from(key))
      // Without it, a session's sql_select_limit applies.
      .limit(1)
      .forUpdate(),
}
