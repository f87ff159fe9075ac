import { expect, test } from 'vitest'
import { allowedDistance, constantsForLoad, constantsForRun, nuRand } from '../generate/nurand.ts'
import { Random } from '../generate/random.ts'

const constants = { lastName: 157, customer: 259, item: 7911 }

test.each([
  { field: 'lastName', min: 0, max: 999 },
  { field: 'customer', min: 1, max: 3000 },
  { field: 'item', min: 1, max: 100_000 },
  { field: 'item', min: 1, max: 7 },
] as const)('stays within $min … $max for $field', ({ field, min, max }) => {
  const random = new Random(1)
  const drawn = Array.from({ length: 20_000 }, () => nuRand(random, constants, field, min, max))

  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(min)
  expect(Math.max(...drawn)).toBeLessThanOrEqual(max)
  expect(drawn.every(Number.isInteger)).toBe(true)
})

test('prefers some numbers to others', () => {
  const random = new Random(1)
  const counts = new Map<number, number>()
  for (let draw = 0; draw < 100_000; draw += 1) {
    const number = nuRand(random, constants, 'lastName', 0, 999)
    counts.set(number, (counts.get(number) ?? 0) + 1)
  }

  // Uniform draws would give each number about a hundred times.
  expect(Math.max(...counts.values())).toBeGreaterThan(500)
})

test('keeps the distance of clause 2.1.6.1 between the constants of load and run', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const load = constantsForLoad(new Random(seed))
    const run = constantsForRun(new Random(seed, 1), load)

    expect(allowedDistance(Math.abs(run.lastName - load.lastName))).toBe(true)
    expect(run.lastName).toBeLessThanOrEqual(255)
  }
})

test.each([
  [64, false],
  [65, true],
  [96, false],
  [112, false],
  [119, true],
  [120, false],
])('distance %i: %s', (distance, allowed) => {
  expect(allowedDistance(distance)).toBe(allowed)
})
