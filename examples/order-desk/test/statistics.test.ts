import { expect, test } from 'vitest'
import { emptyTally, percentile, summarize } from '../statistics.ts'

const hundred = Array.from({ length: 100 }, (_, index) => index + 1)

test.each([
  [50, 50],
  [95, 95],
  [99, 99],
  [100, 100],
])('percentile %i of 1 … 100 is %i', (percent, value) => {
  expect(percentile(hundred, percent)).toBe(value)
})

test('a percentile of few values is one of them', () => {
  expect(percentile([1, 2], 50)).toBe(1)
  expect(percentile([1, 2], 99)).toBe(2)
  expect(percentile([], 50)).toBe(0)
})

test('summarizes a tally', () => {
  const tally = { durations: [3, 1, 2, 4], rolledBack: 1, retries: 2, failures: 0, flights: 18, attempts: 6 }

  expect(summarize(tally, 2)).toEqual({
    count: 4,
    perSecond: 2,
    p50: 2,
    p95: 4,
    p99: 4,
    flights: 3,
    rolledBack: 1,
    retries: 2,
    failures: 0,
  })
})

test('summarizes nothing as zeros', () => {
  expect(Object.values(summarize(emptyTally(), 0))).toEqual(Array.from({ length: 9 }, () => 0))
})
