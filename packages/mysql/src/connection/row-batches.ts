/** Buffers rows between the wire, which pushes them, and the loop that takes them. */
import type { Rows } from '../protocol/reply-readers.ts'

/** Batches in the buffer from which on the wire pauses. */
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

  /** Ends the rows; other answers may follow. */
  end(): void {
    this.#over = true
    this.#valve.resume()
    this.#wake.resolve()
  }

  /** The next batch; `undefined` after the last. */
  async take(): Promise<Rows | undefined> {
    while (this.#batches.length === 0 && !this.#over) {
      // Resuming may push a batch at once.
      this.#wake = Promise.withResolvers()
      this.#valve.resume()
      await this.#wake.promise
    }
    return this.#batches.shift()
  }

  /** Drops all batches, present and future. */
  drop(): void {
    this.#dropping = true
    this.#batches.length = 0
    this.#valve.resume()
  }
}
