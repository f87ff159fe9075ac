import { expect, test } from 'vitest'
import { compareAlone, compareEnds, compareRuns, explainRatio } from '../comparison.ts'
import { TRANSACTION_NAMES } from '../mix.ts'
import { summaries, toReport } from '../report.ts'
import { emptyTally } from '../statistics.ts'

function runOf(count: number) {
  const durations = Array.from({ length: count }, (_, index) => index + 1)
  const tally = { ...emptyTally(), durations, attempts: count, flights: 3 * count }
  const tallies = Object.fromEntries(TRANSACTION_NAMES.map((name) => [name, tally]))
  return summaries({
    seconds: 10,
    tallies: tallies as Record<(typeof TRANSACTION_NAMES)[number], typeof tally>,
    firstFailure: undefined,
  })
}

const alone = {
  'New-Order': { perSecond: 184.4, p50: 5.4, flights: 3 },
  serial: { perSecond: 17.24, p50: 58, flights: 48.62 },
  ratio: 184.4 / 17.24,
}
const runs = { inFlights: runOf(100), serial: runOf(20), alone }
const conditions = [{ condition: 1, meaning: 'W_YTD = sum(D_YTD)', holds: true }]

test('reports both runs, transaction by transaction', () => {
  const report = toReport({ server: 'MariaDB 10.11.6', rtt: 1.1, runs, conditions, orders: undefined })

  expect(Object.keys(report)).toEqual(['server', 'rtt', 'transactions', 'serial', 'alone', 'consistency'])
  expect(Object.keys(report.transactions)).toEqual([...TRANSACTION_NAMES])
  expect(report.transactions['New-Order']).toEqual({
    count: 100,
    perSecond: 10,
    p50: 50,
    p95: 95,
    p99: 99,
    flights: 3,
    rolledBack: 0,
    retries: 0,
    failures: 0,
  })
  expect(report.serial['Delivery']?.count).toBe(20)
  expect(report.alone).toEqual(alone)
  expect(report.consistency).toEqual([{ condition: 1, holds: true }])
})

test('leaves out what was not measured', () => {
  const skipped = { inFlights: {}, serial: {}, alone: undefined }
  const report = toReport({ server: 's', rtt: 0, runs: skipped, conditions, orders: undefined })

  expect(Object.keys(report)).toEqual(['server', 'rtt', 'transactions', 'serial', 'consistency'])
})

test('reports orders where there were any', () => {
  const orders = { placed: 2, refused: [{ line: 3, reason: 'there is no item 9' }] }

  expect(toReport({ server: 's', rtt: 0, runs, conditions, orders }).orders).toEqual(orders)
})

test('compares the runs in one table', () => {
  const [, header, first] = compareRuns(runs.inFlights, runs.serial).split('\n')

  expect(header?.split(/\s+/)).toEqual(
    ' units/s p50 p95 p99 flights │ units/s p50 p95 p99 flights ratio'.split(' '),
  )
  expect(first?.split(/\s{2,}/)).toEqual(
    'New-Order/10.0/50.00/95.00/99.00/3.0/│/2.0/10.00/19.00/20.00/3.0/5.0 ×'.split('/'),
  )
  expect(compareEnds(runs.inFlights, runs.serial)).toContain('100 / 20')
})

test('compares one client with itself', () => {
  expect(compareAlone(alone).split('\n')).toEqual([
    'New-Order by itself, one client: 184 units/s in 3 flights, 17.2 statement by statement: 10.7 ×',
    '  p50 5.40 ms, and 58.00 ms in 48.6 flights',
  ])
})

test('explains the ratio where the clients outnumber the cores', () => {
  expect(explainRatio(8, 8)).toBeUndefined()
  expect(explainRatio(8, 2)).toContain('8 clients keep all 2 cores')
  expect(explainRatio(2, 1)).toContain('2 clients keep the only core')
})
