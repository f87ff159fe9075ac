/** A timer of Node may be late by a millisecond or two; what is due sooner is waited for asleep. */
const timerSlackMs = 2
/** A sleep takes about as much longer than asked for, however short it is. */
const sleepSlackMs = 0.09

interface Delivery {
  readonly due: number
  readonly deliver: () => void
}

/**
 * Runs everything it is given after about one fixed delay, in the order of arrival. It sleeps in between, so that
 * client and server have the processor, and a turn delivers all that is nearer to now than to the end of another
 * sleep: staying awake until the very moment is more precise for one delivery, and late for all the others.
 */
export class Schedule {
  /** One way; may be changed while nothing is under way. */
  delayMs: number
  readonly #deliveries: Delivery[] = []
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4))
  /** The middle of the sleep whose end lets in what is now arriving: nearest to when it came, as nobody looked. */
  #asleepAt: number | undefined

  constructor(delayMs: number) {
    this.delayMs = delayMs
  }

  add(deliver: () => void): void {
    const arrival = this.#asleepAt ?? performance.now()
    this.#deliveries.push({ due: arrival + this.delayMs, deliver })
    if (this.#deliveries.length === 1) this.#runSoon()
  }

  /** As soon as everything that has arrived by now is stamped. */
  #runSoon(): void {
    setImmediate(() => {
      this.#run()
    })
  }

  #run(): void {
    this.#asleepAt = undefined
    const soon = performance.now() + sleepSlackMs / 2
    while (this.#deliveries[0] !== undefined && this.#deliveries[0].due <= soon)
      this.#deliveries.shift()?.deliver()

    const next = this.#deliveries[0]
    if (next === undefined) return
    const wait = next.due - performance.now()
    if (wait > timerSlackMs) {
      setTimeout(() => {
        this.#run()
      }, wait - timerSlackMs)
    } else {
      // Not for long, as the stamps of what arrives meanwhile are off by up to half of it.
      this.#sleep(Math.min(wait, this.delayMs / 2))
      this.#runSoon()
    }
  }

  #sleep(ms: number): void {
    const start = performance.now()
    Atomics.wait(this.#sleeper, 0, 0, Math.max(ms - sleepSlackMs, 0.001))
    this.#asleepAt = (start + performance.now()) / 2
  }
}
