import type { Figures } from './figures.ts'
import type { Machine } from './machine.ts'

export interface Report {
  readonly machine: Machine
  /** By name of the program or package. */
  readonly versions: Readonly<Record<string, string>>
  /** Measured for each peer in each run. */
  readonly seconds: number
  readonly runs: readonly Run[]
}

/** One comparison; the first result is what the others are compared with. */
export interface Run {
  readonly workload: string
  readonly title: string
  readonly server: string
  /** The round trip that was measured to the server's proxy in milliseconds; 0 without one. */
  readonly rtt: number
  readonly results: Readonly<Record<string, Figures>>
}
