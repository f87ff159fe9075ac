import { expect, test } from 'vitest'
import { type Figures, figuresOf } from '../report/figures.ts'
import { toMarkdown } from '../report/markdown.ts'
import type { Measured } from '../runner/compare.ts'

const slice = (unitMs: readonly number[], seconds: number): Measured => ({
  durations: Float64Array.from(unitMs),
  seconds,
  cpuMs: unitMs.length * 2,
  gcMs: 0,
  heapMb: 10,
  serverCpuMs: unitMs.length,
})

const counts = { roundTrips: 3, bytesSent: 100, bytesReceived: 200 }

test('figures are medians of the rounds, and a ratio is of the same round', () => {
  const units = (count: number) => Array.from({ length: count }, () => 1)
  const figures = figuresOf(
    new Map([
      ['leasehold', [slice(units(2), 1), slice(units(6), 1), slice(units(3), 1)]],
      ['kysely', [slice([5, 3], 1), slice([3, 3], 1), slice([4], 1)]],
    ]),
    new Map([
      ['leasehold', counts],
      ['kysely', { ...counts, roundTrips: 54 }],
    ]),
  )
  expect(figures['leasehold']).toMatchObject({ perSecond: 3, perSecondRange: [2, 6], behind: 1, units: 11 })
  expect(figures['kysely']).toMatchObject({
    perSecond: 2,
    behind: 3,
    medianMs: 3,
    maxMs: 5,
    cpuMsPerUnit: 2,
    serverCpuMsPerUnit: 1,
    roundTrips: 54,
  })
})

test('the report says where others are faster', () => {
  const figures = (perSecond: number, behind: number): Figures => ({
    perSecond,
    behind,
    perSecondRange: [perSecond, perSecond],
    units: 1,
    medianMs: 1,
    p99Ms: 1,
    maxMs: 1,
    cpuMsPerUnit: 1,
    serverCpuMsPerUnit: undefined,
    gcMsPerUnit: 0,
    heapMb: 1,
    ...counts,
  })
  const results = { leasehold: figures(10, 1), kysely: figures(5, 2), 'mysql2-query': figures(20, 0.5) }
  const text = toMarkdown({
    machine: { processor: 'a processor', cores: 2, memoryGb: 8, system: 'linux', load: 0 },
    versions: {},
    seconds: 1,
    runs: [{ workload: 'single-write', title: 'One UPDATE', server: 'MariaDB 10.11', rtt: 0, results }],
  })
  expect(text).toContain('- single-write, MariaDB 10.11, no distance: mysql2-query 2.00×\n')
})
