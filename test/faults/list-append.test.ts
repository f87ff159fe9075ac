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
import { testSeed } from '@leasehold/test-support/test-seed'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { Random } from '../../examples/order-desk/generate/random.ts'
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
const KEYS = 4

const fixture = useFixture()
beforeAll(() => fixture.oracle.query('create table lists (id int primary key, elements text not null)'))

/** With this, some units change their minds, so that there is something to be read that must not. */
const refusal = new Error('refused')

let values = 0

/** Up to four reads and appends, planned: a read's values are still to come. */
function plan(random: Random): Operation[] {
  return Array.from({ length: random.integer(2, 4) }, () => {
    const key = random.integer(1, KEYS)
    return random.chance(50) ? { type: 'read', key, values: [] } : { type: 'append', key, value: ++values }
  })
}

const done = (operation: Operation): Query<Operation> =>
  operation.type === 'append'
    ? lists.append(operation.key, operation.value).map(() => operation)
    : lists.read(operation.key).map((values) => ({ type: 'read', key: operation.key, values }))

/** Half of the units in one flight, the other half step by step, which gives the others time. */
function unitOf(operations: readonly Operation[], inOneFlight: boolean): Query<Operation[]> {
  if (inOneFlight) return all(operations.map(done))
  return program(function* () {
    const seen: Operation[] = []
    for (const operation of operations) seen.push(yield* done(operation))
    return seen
  })
}

async function client(
  uow: UnitOfWork,
  isolationLevel: IsolationLevel,
  random: Random,
): Promise<HistoryUnit[]> {
  const history: HistoryUnit[] = []
  for (let unit = 0; unit < UNITS; unit++) {
    const operations = plan(random)
    const refuses = random.chance(10)
    const work = unitOf(operations, random.chance(50)).andThen((seen) =>
      refuses ? fail(refusal) : succeed(seen),
    )
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
  const seed = testSeed()
  await fixture.oracle.query('delete from lists')
  await fixture.oracle.query('insert into lists values ?', [
    Array.from({ length: KEYS }, (_, index) => [index + 1, '']),
  ])
  const uow = fixture.uow({ pipeline: true, pool: { max: CLIENTS } })
  const histories = await Promise.all(
    Array.from({ length: CLIENTS }, (_, index) => client(uow, level, new Random(seed, index))),
  )
  const rows = await fixture.rows<{ id: number; elements: string }>('select id, elements from lists')
  const final = new Map(rows.map(({ id, elements }) => [id, parsed(elements)]))
  const anomalies = anomaliesIn({ units: histories.flat(), final })
  expect([...anomalies].filter((name) => !allowed.includes(name))).toEqual([])
  // Where the level allows for anomalies, so many units meet some: the checker would see those that must not be.
  expect(anomalies.size > 0).toBe(allowed.length > 0)
})
