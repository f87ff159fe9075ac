/** The keys of committed units, on the table that `outcomeTable` makes. */
import type { OutcomeLedger } from '@leasehold/core'
import { mysqlBuilder } from './builder.ts'

/** The migration: run it once, outside of units, in each database where units have an `outcomeKey`. */
export const outcomeTable: string =
  'CREATE TABLE IF NOT EXISTS leasehold_outcomes (' +
  'outcome_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, ' +
  'committed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (committed_at)) ENGINE = InnoDB'

const db = mysqlBuilder<{ leasehold_outcomes: { outcome_key: string } }>()

export const outcomes: OutcomeLedger = {
  record: (key) => db.insertInto('leasehold_outcomes').values({ outcome_key: key }),
  find: (key) =>
    db.selectFrom('leasehold_outcomes').select('outcome_key').where('outcome_key', '=', key).forUpdate(),
}
