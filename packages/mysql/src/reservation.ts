/** The place beside a pool for the connection that kills; while it is being opened, the pool keeps a place free. */

/** Milliseconds before it is asked for again where the server had no connection to give. */
const PAUSE = 500

/** Milliseconds that the pool keeps a place free for it. */
const PATIENCE = 1_000

/** How it ended: `crowded` if the server had no connection to give. */
export type ReservationEnd = 'crowded' | undefined

export class Reservation {
  readonly #reserve: () => Promise<ReservationEnd> | undefined
  readonly #onEnd: (end: ReservationEnd) => void
  #pending = false
  #after = 0

  /** `reserve` gives nothing where there is nothing to be opened; `onEnd` is called when the pool may have all places. */
  constructor(reserve: () => Promise<ReservationEnd> | undefined, onEnd: (end: ReservationEnd) => void) {
    this.#reserve = reserve
    this.#onEnd = onEnd
  }

  /** Whether the pool has to keep a place free. */
  get pending(): boolean {
    return this.#pending
  }

  /** Has the connection opened, unless the server had none to give a moment ago. */
  ask(): void {
    if (performance.now() >= this.#after) this.insist()
  }

  /** Has it opened. */
  insist(): void {
    if (this.#pending) return
    const reserved = this.#reserve()
    if (reserved === undefined) return
    this.#pending = true
    const end = (how: ReservationEnd): void => {
      clearTimeout(timer)
      if (!this.#pending) return
      this.#pending = false
      this.#after = how === 'crowded' ? performance.now() + PAUSE : 0
      this.#onEnd(how)
    }
    const timer = setTimeout(() => end(undefined), PATIENCE).unref()
    void reserved.then(end)
  }

  /** Leaves the server's connections to the pool for a while. */
  postpone(): void {
    this.#after = performance.now() + 2 * PAUSE
  }
}
