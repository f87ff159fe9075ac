import { createUnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { startServer } from '@leasehold/test-support/server'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { checkConsistency } from '../consistency.ts'
import { constantsForRun } from '../generate/nurand.ts'
import { Random } from '../generate/random.ts'
import { runMix, TRANSACTION_NAMES } from '../mix.ts'
import { summaries } from '../report.ts'
import { CONSTANTS, expectConsistent, openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

const options = {
  scale: SMALL,
  constants: constantsForRun(new Random(2), CONSTANTS),
  seed: 3,
  clients: 4,
  seconds: 2,
}

test.each([{ pipeline: true }, { pipeline: false }])(
  'a mix of clients keeps the desk consistent (pipeline: $pipeline)',
  async ({ pipeline }) => {
    const uow = createUnitOfWork({ driver: mysqlDriver({ uri: desk.uri, pool: { max: 4 }, pipeline }) })
    try {
      const result = await runMix(uow, options)
      const conditions = await checkConsistency(uow)

      expect(result.firstFailure).toBeUndefined()
      expect(conditions.filter(({ holds }) => !holds)).toEqual([])
      for (const name of TRANSACTION_NAMES) expect(result.tallies[name].durations.length).toBeGreaterThan(0)
    } finally {
      await uow.close()
    }
  },
)

test('works where rows that are newer than the snapshot must not be written', async () => {
  // What MariaDB does since 11.6; before, it can be asked to, and before that it passes the option over.
  const server = await startServer({ kind: 'mariadb', args: ['--loose-innodb-snapshot-isolation=ON'] })
  try {
    const strict = await openSmallDesk(server)
    const result = await runMix(strict.uow, options)
    await expectConsistent(strict)
    await strict.close()

    expect(result.firstFailure).toBeUndefined()
  } finally {
    await server.stop()
  }
})

test('summarizes every transaction for the report', async () => {
  const result = await runMix(desk.uow, { ...options, seconds: 1 })
  const summary = summaries(result)

  expect(Object.keys(summary)).toEqual([...TRANSACTION_NAMES])
  expect(Object.keys(summary['New-Order'] ?? {})).toEqual([
    'count',
    'perSecond',
    'p50',
    'p95',
    'p99',
    'flights',
    'rolledBack',
    'retries',
    'failures',
  ])
  // A rolled-back order takes a flight less and a rollback more, a repeated one may stop early.
  expect(summary['New-Order']?.flights).toBeCloseTo(3, 0)
})

test('stops when told to', async () => {
  const start = performance.now()
  const result = await runMix(desk.uow, { ...options, seconds: 60, signal: AbortSignal.timeout(200) })

  expect(performance.now() - start).toBeLessThan(10_000)
  expect(result.firstFailure).toBeUndefined()
})
