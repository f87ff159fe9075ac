/** Faults at their times, while something else goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import type { Fault, FaultKind } from './plan.ts'
import { strikes, type Targets } from './strikes.ts'

export class Faults {
  readonly counts = new Map<FaultKind, number>()
  readonly #end = new AbortController()
  readonly #done: Promise<void>

  constructor(faults: readonly Fault[], targets: Targets) {
    this.#done = this.#strikeAll(faults, targets)
  }

  /** Those whose time has not come yet don't strike any more. */
  async stop(): Promise<void> {
    this.#end.abort()
    await this.#done
  }

  async #strikeAll(faults: readonly Fault[], targets: Targets): Promise<void> {
    const start = performance.now()
    const struck: Promise<void>[] = []
    for (const fault of faults) {
      const left = start + fault.at - performance.now()
      if (left > 0) await sleep(left, undefined, { signal: this.#end.signal }).catch(() => {})
      if (this.#end.signal.aborted) break
      struck.push(this.#strike(fault, targets))
    }
    await Promise.all(struck)
  }

  async #strike({ kind, seed }: Fault, targets: Targets): Promise<void> {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    const random = new Random(seed)
    try {
      await strikes[kind](targets, random)
    } catch {
      // Faults hinder each other: a table is away, a session has gone, a lock is not to be had.
    }
  }
}
