/** A timer of Node may be late by a millisecond or two; what is due sooner is waited for in slices. */
const timerSlackMs = 2
/** A sleep may be late by about as much again; what is due sooner is waited for awake. */
const sliceMs = 0.05
const sleepSlackMs = 0.1

interface Delivery {
  readonly due: number
  readonly deliver: () => void
}

/** Runs everything it is given after one fixed delay, hence in the order of arrival. */
export class Schedule {
  /** One way; may be changed while nothing is under way. */
  delayMs: number
  readonly #deliveries: Delivery[] = []
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4))

  constructor(delayMs: number) {
    this.delayMs = delayMs
  }

  add(deliver: () => void): void {
    this.#deliveries.push({ due: performance.now() + this.delayMs, deliver })
    if (this.#deliveries.length === 1) this.#run()
  }

  #run(): void {
    const now = performance.now()
    while (this.#deliveries[0] !== undefined && this.#deliveries[0].due <= now)
      this.#deliveries.shift()?.deliver()

    const next = this.#deliveries[0]
    if (next === undefined) return
    const wait = next.due - now
    if (wait > timerSlackMs) {
      setTimeout(() => {
        this.#run()
      }, wait - timerSlackMs)
    } else {
      // Asleep, so that client and server have the processor; only for a slice, so that what arrives meanwhile
      // is noticed, and stamped, in time.
      if (wait > sleepSlackMs) Atomics.wait(this.#sleeper, 0, 0, sliceMs)
      setImmediate(() => {
        this.#run()
      })
    }
  }
}
