/**
 * The place of the control connection beside the pool. The pool keeps one place free during its login, which `connectTimeout`
 * bounds. Without a control connection, sessions that fill the server could not be killed.
 */

/** Milliseconds before the next login, if the server had no connection left. */
const PAUSE = 500

/** The end of the login: `crowded` if the server had no connection left. */
export type ReservationEnd = 'crowded' | undefined

export class Reservation {
  readonly #reserve: () => Promise<ReservationEnd> | undefined
  readonly #onEnd: (end: ReservationEnd) => void
  #pending = false
  #after = 0

  /** `reserve` returns `undefined` if the control connection is open; `onEnd` is called when the pool may use all places. */
  constructor(reserve: () => Promise<ReservationEnd> | undefined, onEnd: (end: ReservationEnd) => void) {
    this.#reserve = reserve
    this.#onEnd = onEnd
  }

  /** Whether the pool must keep a place free. */
  get pending(): boolean {
    return this.#pending
  }

  /** Opens the control connection, unless the server was full a moment ago. */
  ask(): void {
    if (performance.now() >= this.#after) this.insist()
  }

  /** Opens the control connection. */
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

  /** Leaves all places to the pool for a while. */
  postpone(): void {
    this.#after = performance.now() + 2 * PAUSE
  }
}
