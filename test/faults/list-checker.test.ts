import { expect, test } from 'vitest'
import { anomaliesIn, type AnomalyName } from './support/list-checker.ts'
import type { HistoryUnit, Operation } from './support/list-history.ts'

const append = (key: number, value: number): Operation => ({ type: 'append', key, value })
const read = (key: number, ...values: number[]): Operation => ({ type: 'read', key, values })
const committed = (...operations: Operation[]): HistoryUnit => ({ committed: true, operations })
const rolledBack = (...operations: Operation[]): HistoryUnit => ({ committed: false, operations })

interface Example {
  readonly what: string
  readonly units: readonly HistoryUnit[]
  readonly final: Readonly<Record<number, readonly number[]>>
  readonly anomalies: readonly AnomalyName[]
}

const examples: readonly Example[] = [
  {
    what: 'one unit after the other',
    units: [
      committed(append(1, 1), append(2, 2)),
      rolledBack(append(1, 9)),
      committed(read(1, 1), append(1, 3)),
    ],
    final: { 1: [1, 3], 2: [2] },
    anomalies: [],
  },
  {
    what: 'reads of an own append',
    units: [committed(append(1, 1), read(1, 1), append(1, 2), read(1, 1, 2))],
    final: { 1: [1, 2] },
    anomalies: [],
  },
  {
    what: 'a committed value that is gone',
    units: [committed(append(1, 1))],
    final: { 1: [] },
    anomalies: ['broken list'],
  },
  {
    what: 'a value that is there twice',
    units: [committed(append(1, 1))],
    final: { 1: [1, 1] },
    anomalies: ['broken list'],
  },
  {
    what: 'a read in an order that never was',
    units: [committed(append(1, 1)), committed(append(1, 2)), committed(read(1, 2, 1))],
    final: { 1: [1, 2] },
    anomalies: ['broken list'],
  },
  {
    what: 'writes that mix',
    units: [committed(append(1, 1), append(2, 2)), committed(append(1, 3), append(2, 4))],
    final: { 1: [1, 3], 2: [4, 2] },
    anomalies: ['G0'],
  },
  {
    what: 'a read of what was rolled back',
    units: [rolledBack(append(1, 1)), committed(read(1, 1))],
    final: { 1: [] },
    anomalies: ['G1a'],
  },
  {
    what: 'a value of what was rolled back that stays',
    units: [rolledBack(append(1, 1))],
    final: { 1: [1] },
    anomalies: ['G1a'],
  },
  {
    what: 'a read in the middle of a unit',
    units: [committed(append(1, 1), append(1, 2)), committed(read(1, 1))],
    final: { 1: [1, 2] },
    anomalies: ['G1b', 'G-single'],
  },
  {
    what: 'two units that see each other',
    units: [committed(append(1, 1), read(2, 2)), committed(append(2, 2), read(1, 1))],
    final: { 1: [1], 2: [2] },
    anomalies: ['G1c'],
  },
  {
    what: 'two updates of the same version',
    units: [committed(read(1), append(1, 1)), committed(read(1), append(1, 2))],
    final: { 1: [1, 2] },
    anomalies: ['lost update', 'G-single'],
  },
  {
    what: 'two different reads of the same list',
    units: [committed(read(1), read(1, 1)), committed(append(1, 1))],
    final: { 1: [1] },
    anomalies: ['G-single'],
  },
  {
    what: 'a read before and a read after another unit',
    units: [committed(append(1, 1), append(2, 2)), committed(read(1), read(2, 2))],
    final: { 1: [1], 2: [2] },
    anomalies: ['G-single'],
  },
  {
    what: 'two units that miss what the other writes',
    units: [committed(read(2), append(1, 1)), committed(read(1), append(2, 2))],
    final: { 1: [1], 2: [2] },
    anomalies: ['G2-item'],
  },
]

test.each(examples)('$what: $anomalies', ({ units, final, anomalies }) => {
  const lists = new Map(Object.entries(final).map(([key, values]) => [Number(key), values]))
  expect(anomaliesIn({ units, final: lists })).toEqual(new Set(anomalies))
})
