/** The keys of committed units, on the table that `outcomeTable` makes. */
import type { OutcomeLedger } from '@leasehold/core'
import { mysqlBuilder } from '../builder/builder.ts'

/** As many bytes as core lets a key have. They are compared as they are: collations would ignore blanks at the end. */
const KEY = 'VARBINARY(1020) NOT NULL'

/** The migration: run it once, outside of units, in each database where units have an `outcomeKey`. */
export const outcomeTable: string =
  `CREATE TABLE IF NOT EXISTS leasehold_outcomes (key_bytes ${KEY} PRIMARY KEY, ` +
  'committed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (committed_at)) ENGINE = InnoDB'

/**
 * The migration of a table of the earlier definition, whose keys were text in the column `outcome_key`: run it once, outside
 * of units, where {@link outcomeTable} was run by then. It keeps the keys; until it has run, units with a key are refused.
 */
export const outcomeTableUpgrade: string = `ALTER TABLE leasehold_outcomes CHANGE outcome_key key_bytes ${KEY}`

const db = mysqlBuilder<{ leasehold_outcomes: { key_bytes: Uint8Array } }>()

export const outcomes: OutcomeLedger = {
  record: (key) => db.insertInto('leasehold_outcomes').values({ key_bytes: Buffer.from(key) }),
  find: (key) =>
    db
      .selectFrom('leasehold_outcomes')
      .select('key_bytes')
      .where('key_bytes', '=', Buffer.from(key))
      .forUpdate(),
}
