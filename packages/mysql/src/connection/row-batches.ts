/** Rows between the wire, which pushes them, and whoever takes them at a pace of their own. */
import type { Rows } from '../protocol/reply-readers.ts'

/** Batches that may wait to be taken before the wire is told to pause. */
const MOST = 2

export interface Valve {
  pause(): void
  resume(): void
}

export class RowBatches {
  readonly #valve: Valve
  readonly #batches: Rows[] = []
  #over = false
  #dropping = false
  #wake = Promise.withResolvers<void>()

  constructor(valve: Valve) {
    this.#valve = valve
  }

  push(rows: Rows): void {
    if (this.#dropping) return
    this.#batches.push(rows)
    if (this.#batches.length >= MOST) this.#valve.pause()
    this.#wake.resolve()
  }

  /** No more will come, and other answers may. */
  end(): void {
    this.#over = true
    this.#valve.resume()
    this.#wake.resolve()
  }

  /** The next batch; `undefined` when there is none any more. */
  async take(): Promise<Rows | undefined> {
    while (this.#batches.length === 0 && !this.#over) {
      // To resume may push.
      this.#wake = Promise.withResolvers()
      this.#valve.resume()
      await this.#wake.promise
    }
    return this.#batches.shift()
  }

  /** Forgets those that wait, and lets all that come pass by. */
  drop(): void {
    this.#dropping = true
    this.#batches.length = 0
    this.#valve.resume()
  }
}
