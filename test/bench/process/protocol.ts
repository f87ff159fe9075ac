/** What the runner tells a peer's process, and what it answers. */
import type { PeerName } from '../peers/index.ts'

export type Request =
  /** Closes the pool there is and opens one on the database at the uri. */
  | { readonly type: 'open'; readonly peer: PeerName; readonly uri: string }
  | { readonly type: 'check'; readonly workload: string; readonly seed: number }
  /** Runs at least one unit for each client, and goes on for so many milliseconds. */
  | { readonly type: 'measure'; readonly workload: string; readonly seed: number; readonly ms: number }
  | { readonly type: 'close' }

/** Undefined where the peer has no such unit. */
export interface Answers {
  readonly open: undefined
  /** A digest of what the units gave. */
  readonly check: string | undefined
  readonly measure: Slice | undefined
  readonly close: undefined
}

export interface Slice {
  readonly seconds: number
  /** Milliseconds that each unit took, from the call to its end. */
  readonly durations: Float64Array
  /** Milliseconds of this process, user and system, all threads. */
  readonly cpuMs: number
  /** Milliseconds of `cpuMs` or beside it in which garbage was collected. */
  readonly gcMs: number
  /** What is on the heap at the end, garbage included. */
  readonly heapMb: number
}

export type Reply = { readonly answer: Answers[keyof Answers] } | { readonly error: string }
