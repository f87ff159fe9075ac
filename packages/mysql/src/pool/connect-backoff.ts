/** Pauses between attempts to connect: longer with each that fails, of random length so that not all come back at once. */

interface Pace {
  /** Milliseconds, for the first pause. */
  readonly shortest: number
  readonly longest: number
}

const OUTAGE: Pace = { shortest: 20, longest: 500 }

/** A server counts wrong passwords, and locks the account or shuts out the host after some. */
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

  /** Whether a pause is under way. */
  get waiting(): boolean {
    return this.#timer !== undefined
  }

  /** Why the last attempt failed; `undefined` after one that succeeded. */
  get error(): Error | undefined {
    return this.#error
  }

  /** What the server refuses the driver for, while it is not to be asked again. */
  get refusal(): Error | undefined {
    return this.waiting && this.#pace === REFUSAL ? this.#error : undefined
  }

  /** How many attempts there may be side by side: whoever was refused asks once, not once for each who waits. */
  get atOnce(): number {
    return this.#pace === REFUSAL ? 1 : Infinity
  }

  /** An attempt failed for a reason that may pass. */
  failed(error: Error): void {
    if (this.refusal !== undefined) return
    this.#pause(OUTAGE, error)
  }

  /** The server refused the driver for what it is. */
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
    // Whoever waits for a connection has a timer of their own.
    this.#timer.unref()
  }
}
