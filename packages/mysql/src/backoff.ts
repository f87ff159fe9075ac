/** Pauses between attempts to connect: longer with each that fails, of random length so that not all come back at once. */
const SHORTEST = 20
const LONGEST = 500

export class Backoff {
  readonly #resume: () => void
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

  failed(error: Error): void {
    this.#error = error
    if (this.#timer !== undefined) return
    const longest = Math.min(LONGEST, SHORTEST * 2 ** this.#failures)
    this.#failures += 1
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#resume()
      },
      longest * (1 - Math.random() / 2),
    )
  }

  reset(): void {
    this.stop()
    this.#failures = 0
    this.#error = undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
