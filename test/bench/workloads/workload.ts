import type { Random } from '../../../examples/order-desk/generate/random.ts'
import type { Peer } from '../peers/peer.ts'

export interface Workload {
  readonly name: string
  /** For the report: what a unit is. */
  readonly title: string
  /** Units at a time. */
  readonly clients: number
  /** The distances at which the default run looks at it, in milliseconds of round trip. */
  readonly rtts: readonly number[]
  /** Whether there are other rows after it. */
  readonly writes: boolean
  /** How many units the check runs and counts. */
  readonly checked: number
  /** Runs one unit after the other, each with the input that follows; absent where the peer has no such unit. */
  readonly begin: (peer: Peer, random: Random) => (() => Promise<unknown>) | undefined
  /** What of a unit's result has to be the same for all peers, in plain data. */
  readonly facts: (result: unknown) => unknown
}

interface Definition<Input, Output> extends Omit<Workload, 'begin' | 'facts'> {
  readonly input: (random: Random) => Input
  readonly unit: (peer: Peer) => ((input: Input) => Promise<Output>) | undefined
  readonly facts: (result: Output) => unknown
}

export function defineWorkload<Input, Output>(definition: Definition<Input, Output>): Workload {
  const { input, unit, facts, ...rest } = definition
  return {
    ...rest,
    begin(peer, random) {
      const run = unit(peer)
      return run && (() => run(input(random)))
    },
    facts: (result) => facts(result as Output),
  }
}

export const everyRtt: readonly number[] = [0, 0.5, 1, 5]
export const nearAndFar: readonly number[] = [0, 1]
