/** A table that tells what became of units: each writes as many rows as it has statements, or leaves none. */
import { affected, all, defineRepository, type Query } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { beforeAll } from 'vitest'
import { eventually, type Fixture, useFixture } from '../../mysql/support/fixture.ts'

interface Database {
  ledger: { unit: number; step: number }
}

const db = mysqlBuilder<Database>()

const ledger = defineRepository('ledger', {
  record: (unit: number, step: number) =>
    affected(db.insertInto('ledger').values({ unit, step }), { exactly: 1 }),
})

/** Statements in a unit. */
export const SIZE = 5

export function entries(unit: number): Query<number[]> {
  return all(Array.from({ length: SIZE }, (_, step) => ledger.record(unit, step)))
}

export interface LedgerFixture extends Fixture {
  /** How many rows of the unit are committed. */
  entriesOf(unit: number): Promise<number>
  /** Until the server has noticed that the sessions' connections are gone, and has ended what they had begun. */
  quiet(): Promise<void>
}

export function useLedger(): LedgerFixture {
  const fixture = useFixture()
  beforeAll(async () => {
    await fixture.oracle.query('create table ledger (unit int, step int, primary key (unit, step))')
  })
  return Object.assign(fixture, {
    async entriesOf(unit: number) {
      const [found] = await fixture.rows<{ n: number }>('select count(*) as n from ledger where unit = ?', [
        unit,
      ])
      return found?.n ?? 0
    },
    quiet: () => eventually(async () => (await fixture.sessions()).length === 0),
  })
}
