import type { Random } from './random.ts'

/** The numbers 1 … size in random order (Fisher-Yates). */
export function permutation(random: Random, size: number): number[] {
  const numbers = Array.from({ length: size }, (_, index) => index + 1)
  for (let last = size - 1; last > 0; last -= 1) {
    const other = random.integer(0, last)
    const swapped = numbers[last] ?? 0
    numbers[last] = numbers[other] ?? 0
    numbers[other] = swapped
  }
  return numbers
}
