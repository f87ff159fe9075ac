/**
 * The place beside a pool for the connection that kills. The pool keeps a place free for as long as its login takes, which
 * `connectTimeout` limits: without it, sessions that took all of the server's connections could not be killed.
 */

/** Milliseconds before it is asked for again where the server had no connection to give. */
const PAUSE = 500

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
    void reserved.then((end) => {
      this.#pending = false
      this.#after = end === 'crowded' ? performance.now() + PAUSE : 0
      this.#onEnd(end)
    })
  }

  /** Leaves the server's connections to the pool for a while. */
  postpone(): void {
    this.#after = performance.now() + 2 * PAUSE
  }
}
