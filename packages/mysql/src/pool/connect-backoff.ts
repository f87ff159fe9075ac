/** Pauses between attempts to connect. They grow with each failure, and are random so that clients do not return at once. */

interface Pace {
  /** Milliseconds of the first pause. */
  readonly shortest: number
  readonly longest: number
}

const OUTAGE: Pace = { shortest: 20, longest: 500 }

/** Servers count wrong passwords, and lock the account or block the host. */
const REFUSAL: Pace = { shortest: 500, longest: 30_000 }

export class ConnectBackoff {
  readonly #resume: () => void
  #pace = OUTAGE
  #failures = 0
  #error: Error | undefined
  #timer: NodeJS.Timeout | undefined

  /** `resume` is called at the end of each pause. */
  constructor(resume: () => void) {
    this.#resume = resume
  }

  /** Whether a pause is running. */
  get waiting(): boolean {
    return this.#timer !== undefined
  }

  /** The error of the last attempt; `undefined` after a success. */
  get error(): Error | undefined {
    return this.#error
  }

  /** The server's refusal, while the pause lasts. */
  get refusal(): Error | undefined {
    return this.waiting && this.#pace === REFUSAL ? this.#error : undefined
  }

  /** Maximum number of attempts side by side: one after a refusal, however many wait. */
  get atOnce(): number {
    return this.#pace === REFUSAL ? 1 : Infinity
  }

  /** Notes a failure that may pass. */
  failed(error: Error): void {
    if (this.refusal !== undefined) return
    this.#pause(OUTAGE, error)
  }

  /** Notes a refusal of the account, password, host or database. */
  refused(error: Error): void {
    if (this.refusal === undefined) this.stop()
    this.#pause(REFUSAL, error)
  }

  reset(): void {
    this.stop()
    this.#pace = OUTAGE
    this.#failures = 0
    this.#error = undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #pause(pace: Pace, error: Error): void {
    this.#error = error
    if (this.waiting) return
    if (pace !== this.#pace) this.#failures = 0
    this.#pace = pace
    const longest = Math.min(pace.longest, pace.shortest * 2 ** this.#failures)
    this.#failures += 1
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#resume()
      },
      longest * (1 - Math.random() / 2),
    )
    // Waiters have timers of their own.
    this.#timer.unref()
  }
}
