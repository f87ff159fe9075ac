import type { Random } from './random.ts'

/** Clause 2.1.6: the ranges A that make some last names, customers and items more popular than others. */
const A = { lastName: 255, customer: 1023, item: 8191 } as const

/** The constants C, one per A, chosen once for a database or a run. */
export type NuRandConstants = { readonly [Field in keyof typeof A]: number }

/** Clause 2.1.6: a non-uniform random number in [min .. max]. */
export function nuRand(
  random: Random,
  constants: NuRandConstants,
  field: keyof typeof A,
  min: number,
  max: number,
): number {
  const mixed = random.integer(0, A[field]) | random.integer(min, max)
  return ((mixed + constants[field]) % (max - min + 1)) + min
}

export function constantsForLoad(random: Random): NuRandConstants {
  return {
    lastName: random.integer(0, A.lastName),
    customer: random.integer(0, A.customer),
    item: random.integer(0, A.item),
  }
}

/** Clause 2.1.6.1: a run's C for last names must keep a certain distance from that of the load. */
export function constantsForRun(random: Random, load: NuRandConstants): NuRandConstants {
  const candidates = Array.from({ length: A.lastName + 1 }, (_, c) => c).filter((c) =>
    allowedDistance(Math.abs(c - load.lastName)),
  )
  const lastName = candidates[random.integer(0, candidates.length - 1)] ?? 0
  return { ...constantsForLoad(random), lastName }
}

export function allowedDistance(distance: number): boolean {
  return distance >= 65 && distance <= 119 && distance !== 96 && distance !== 112
}
