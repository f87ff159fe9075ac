/** Interrupts the running statements of a flight with KILL QUERY, which the session killer sends by another connection. */
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from '../protocol/patience.ts'

/** Milliseconds in which the server must stop. */
const LIMIT = 1_000

/** Milliseconds from one KILL QUERY to the next; they double each time. */
const SHORTEST_PAUSE = 5
const LONGEST_PAUSE = 100

export interface Interruptible {
  /** Interrupts the statement that the session runs, if any. Resolves when the server has received the request. */
  readonly interrupt: () => Promise<void>
  /** Sends a command that changes nothing. */
  readonly pass: () => Promise<unknown>
  /** Gives the connection up after `limit` milliseconds without a stop. */
  readonly giveUp: (limit: number) => void
  /** Marks the session: an interruption may still arrive, and would meet a later statement. */
  readonly doubt: () => void
}

/** Tracks the flight or stream of a connection, and interrupts it. */
export class Interruption {
  readonly #port: Interruptible
  #flying = false
  #onStop: (() => void) | undefined
  #stopping: Promise<void> | undefined
  /** Resolved when the interrupted flight has ended. */
  #landed: PromiseWithResolvers<void> | undefined

  constructor(port: Interruptible) {
    this.#port = port
  }

  /** Begins a flight; `onStop` is called when it is interrupted. */
  begin(onStop?: () => void): void {
    this.#flying = true
    this.#onStop = onStop
  }

  /** Ends a flight: all of its answers have arrived, or none will. */
  land(): void {
    this.#flying = false
    this.#landed?.resolve()
  }

  /** Releases the flight. Resolves when its interruption is over; `undefined` without one. */
  end(): Promise<void> | undefined {
    const stopping = this.#stopping
    this.#onStop = undefined
    this.#stopping = undefined
    return stopping
  }

  /** Interrupts the flight, if there is one. Returns at once. */
  start(): void {
    if (!this.#flying || this.#stopping !== undefined) return
    this.#onStop?.()
    this.#landed = Promise.withResolvers()
    this.#stopping = this.#stop(this.#landed.promise)
  }

  async #stop(landed: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const heard = patience(LIMIT, () => {
      this.#port.giveUp(LIMIT)
      late.resolve()
    })
    await Promise.race([late.promise, this.#interruptUntil(landed)])
    heard()
  }

  /** Interrupts repeatedly, because a KILL QUERY between two statements, or ahead of the first, ends nothing. */
  async #interruptUntil(landed: Promise<void>): Promise<void> {
    const { interrupt, pass, doubt } = this.#port
    const over = new AbortController()
    void landed.then(() => over.abort())
    try {
      for (let pause = SHORTEST_PAUSE; !over.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
        await interrupt()
        await sleep(pause, undefined, { signal: over.signal }).catch(() => {})
      }
    } catch {
      doubt()
      await landed
    }
    // An interruption that arrives late meets this command instead of the next statement.
    await pass().catch(() => {})
  }
}
