import {
  affected,
  all,
  defineRepository,
  fail,
  type IsolationLevel,
  one,
  program,
  type Query,
  StatementError,
  succeed,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { useFixture } from '../mysql/support/fixture.ts'
import { anomaliesIn, type AnomalyName } from './support/list-checker.ts'
import type { HistoryUnit, Operation } from './support/list-history.ts'

interface Database {
  lists: { id: number; elements: string }
}

const db = mysqlBuilder<Database>()

const lists = defineRepository('lists', {
  append: (key: number, value: number) =>
    affected(
      db
        .updateTable('lists')
        .set({ elements: sql`concat(elements, ${`${value} `})` })
        .where('id', '=', key),
      { exactly: 1 },
    ),
  read: (key: number) =>
    one(db.selectFrom('lists').select('elements').where('id', '=', key)).map(({ elements }) =>
      parsed(elements),
    ),
})

const parsed = (elements: string): number[] => elements.split(' ').filter(Boolean).map(Number)

const CLIENTS = 8
const UNITS = 60
const KEYS = [1, 2, 3, 4]

const fixture = useFixture()
beforeAll(() => fixture.oracle.query('create table lists (id int primary key, elements text not null)'))

/** With this, some units change their minds, so that there is something to be read that must not. */
const refusal = new Error('refused')

let values = 0

/** Up to four reads and appends, planned: a read's values are still to come. */
function plan(): Operation[] {
  return Array.from({ length: 2 + Math.floor(Math.random() * 3) }, () => {
    const key = KEYS[Math.floor(Math.random() * KEYS.length)] ?? 1
    return Math.random() < 0.5 ? { type: 'read', key, values: [] } : { type: 'append', key, value: ++values }
  })
}

const done = (operation: Operation): Query<Operation> =>
  operation.type === 'append'
    ? lists.append(operation.key, operation.value).map(() => operation)
    : lists.read(operation.key).map((values) => ({ type: 'read', key: operation.key, values }))

/** Half of the units in one flight, the other half step by step, which gives the others time. */
function unitOf(operations: readonly Operation[]): Query<Operation[]> {
  if (Math.random() < 0.5) return all(operations.map(done))
  return program(function* () {
    const seen: Operation[] = []
    for (const operation of operations) seen.push(yield* done(operation))
    return seen
  })
}

async function client(uow: UnitOfWork, isolationLevel: IsolationLevel): Promise<HistoryUnit[]> {
  const history: HistoryUnit[] = []
  for (let unit = 0; unit < UNITS; unit++) {
    const operations = plan()
    const refuses = Math.random() < 0.1
    const work = unitOf(operations).andThen((seen) => (refuses ? fail(refusal) : succeed(seen)))
    try {
      history.push({ committed: true, operations: await uow.run(work, { isolationLevel }) })
    } catch (error) {
      if (error !== refusal && !isDeadlock(error)) throw error
      history.push({ committed: false, operations })
    }
  }
  return history
}

const isDeadlock = (error: unknown): boolean => error instanceof StatementError && error.kind === 'deadlock'

const weak: readonly AnomalyName[] = ['lost update', 'G-single', 'G2-item']

const levels: readonly { level: IsolationLevel; allowed: readonly AnomalyName[] }[] = [
  { level: 'read uncommitted', allowed: ['broken list', 'G1a', 'G1b', 'G1c', ...weak] },
  { level: 'read committed', allowed: weak },
  { level: 'repeatable read', allowed: weak },
  { level: 'serializable', allowed: [] },
]

test.each(levels)('$level shows no anomaly but $allowed', async ({ level, allowed }) => {
  await fixture.oracle.query('delete from lists')
  await fixture.oracle.query('insert into lists values ?', [KEYS.map((key) => [key, ''])])
  const uow = fixture.uow({ pipeline: true, pool: { max: CLIENTS } })
  const histories = await Promise.all(Array.from({ length: CLIENTS }, () => client(uow, level)))
  const rows = await fixture.rows<{ id: number; elements: string }>('select id, elements from lists')
  const final = new Map(rows.map(({ id, elements }) => [id, parsed(elements)]))
  const anomalies = anomaliesIn({ units: histories.flat(), final })
  expect([...anomalies].filter((name) => !allowed.includes(name))).toEqual([])
  // Where the level allows for anomalies, so many units meet some: the checker would see those that must not be.
  expect(anomalies.size > 0).toBe(allowed.length > 0)
})
