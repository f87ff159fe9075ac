import { expect, test } from 'vitest'
import { permutation } from '../generate/permutation.ts'
import { Random } from '../generate/random.ts'

const draws = (random: Random) => Array.from({ length: 100 }, () => random.next())

test('gives the same numbers for the same seed and path', () => {
  expect(draws(new Random(7, 1, 2))).toEqual(draws(new Random(7, 1, 2)))
})

test.each([
  { other: new Random(8, 1, 2) },
  { other: new Random(7, 2, 1) },
  { other: new Random(7, 1) },
  { other: new Random(7) },
])('gives other numbers for another seed or path ($other)', ({ other }) => {
  expect(draws(new Random(7, 1, 2))).not.toEqual(draws(other))
})

test('draws both ends, and all between about as often', () => {
  const random = new Random(1)
  const counts = [0, 0, 0, 0, 0]
  for (let draw = 0; draw < 50_000; draw += 1) {
    const at = random.integer(3, 7) - 3
    counts[at] = (counts[at] ?? 0) + 1
  }

  for (const count of counts) expect(count).toBeGreaterThan(9_500)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50_000)
})

test('takes a chance as often as told', () => {
  const random = new Random(1)
  const taken = Array.from({ length: 100_000 }, () => random.chance(10)).filter(Boolean).length

  expect(taken / 100_000).toBeCloseTo(0.1, 2)
})

test('permutes: every number once, not in order', () => {
  const numbers = permutation(new Random(1), 3000)

  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1))
  expect(numbers.filter((number, index) => number === index + 1).length).toBeLessThan(20)
})
