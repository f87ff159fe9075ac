import {
  affected,
  afterCommit,
  afterRollback,
  type Executor,
  type Query,
  StatementError,
} from '@leasehold/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, eventually } from '../mysql/support/fixture.ts'
import { UNTOUCHED, useGalera } from './support/galera-fixture.ts'

const INCREMENTS = 600
const HOT_ROWS = 3

const galera = useGalera({ size: 2 })
beforeEach(() => galera.restore())

/** Leaves nothing to check, so that COMMIT travels with it. */
function increment(id: number): Query<number> {
  return affected(
    db
      .updateTable('accounts')
      .set((e) => ({ cents: e('cents', '+', 1) }))
      .where('id', '=', id),
  )
}

test.each([
  ['with COMMIT behind it in one flight', increment],
  ['with COMMIT in a flight of its own', (id: number) => accounts.add(id, 1)],
])(
  'a lone write %s is told committed if, and only if, it is there',
  async (_, write) => {
    const nodes = [galera.uow(0), galera.uow(1)]
    const before = (await galera.conflicts(0)) + (await galera.conflicts(1))
    const expected: Record<number, number> = { ...UNTOUCHED }
    const failures: unknown[] = []
    const increments = Array.from({ length: INCREMENTS }, async (_, index) => {
      const id = 1 + (index % HOT_ROWS)
      try {
        await nodes[index % nodes.length]?.run(write(id))
        expected[id] = (expected[id] ?? 0) + 1
      } catch (error) {
        failures.push(error)
      }
    })
    await Promise.all(increments)

    expect(await galera.balances(0)).toEqual(expected)
    expect(await galera.balances(1)).toEqual(expected)
    // A conflict that was met in every attempt is all that may fail.
    expect(
      failures.filter((error) => !(error instanceof StatementError && error.kind === 'deadlock')),
    ).toEqual([])
    // Without conflicts, nothing was tested.
    const conflicts = (await galera.conflicts(0)) + (await galera.conflicts(1)) - before
    expect(conflicts).toBeGreaterThan(0)
  },
  60_000,
)

describe('a transaction that another node ends while it is idle', () => {
  /** Has the other node change what the unit has changed, and waits until this one has given way. */
  async function overtake(id: number): Promise<void> {
    const before = await galera.conflicts(1)
    await galera.rows(0, 'update accounts set cents = cents + 1000 where id = ?', [id])
    await eventually(async () => (await galera.conflicts(1)) > before)
  }
  const OVERTAKEN = { ...UNTOUCHED, 1: 1_100 }

  test('is told by COMMIT, and nothing of it is there', async () => {
    const called: string[] = []
    const unit = galera.uow(1).run(async (q) => {
      await q.all([
        accounts.add(1, 5),
        afterCommit(() => called.push('committed')),
        afterRollback(() => called.push('rolled back')),
      ])
      await overtake(1)
    })
    await expect(unit).rejects.toMatchObject({ name: 'StatementError', kind: 'deadlock' })
    expect(await galera.balances(1)).toEqual(OVERTAKEN)
    expect(called).toEqual(['rolled back'])
  })

  // The statement of the second step has the text of the first: on its second use it is worth preparing.
  test.each([
    ['as they are', {}],
    ['and none are prepared', { preparedStatements: 0 }],
    ['one at a time', { pipeline: false }],
  ])('fails as a whole, also behind it, where statements travel %s', async (_, options) => {
    const body = async (q: Executor): Promise<void> => {
      await q(accounts.add(1, -5))
      await overtake(1)
      await q(accounts.add(2, 5))
    }
    const unit = galera.uow(1, { ...options, pool: { max: 1 } }).run(body)
    await expect(unit).rejects.toMatchObject({ name: 'StatementError', kind: 'deadlock' })
    expect(await galera.balances(1)).toEqual(OVERTAKEN)
  })

  test('is run again as a whole where that is asked for', async () => {
    let runs = 0
    const body = async (q: Executor): Promise<void> => {
      runs += 1
      await q(accounts.add(1, -5))
      if (runs === 1) await overtake(1)
      await q(accounts.add(2, 5))
    }
    await galera.uow(1, { pool: { max: 1 } }).run(body, { retry: true })
    expect(await galera.balances(1)).toEqual({ ...OVERTAKEN, 1: 1_095, 2: 105 })
    expect(runs).toBe(2)
  })
})
