/** Choosing by chance. */
import type { Random } from '../../examples/order-desk/generate/random.ts'

export function pick<const T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[random.integer(0, choices.length - 1)] ?? choices[0]
}

/** One of the choices, each as likely as its weight says. */
export function weighted<const T>(
  random: Random,
  choices: readonly (readonly [weight: number, choice: T])[],
): T {
  let left = random.integer(
    1,
    choices.reduce((sum, [weight]) => sum + weight, 0),
  )
  for (const [weight, choice] of choices) {
    left -= weight
    if (left <= 0) return choice
  }
  throw new Error('expected weights above 0')
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
