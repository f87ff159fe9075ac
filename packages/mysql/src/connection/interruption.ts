/** Having the server stop what a session does for a flight. */
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from '../protocol/patience.ts'

/** Milliseconds in which the server must have stopped. */
const LIMIT = 1_000

/** Milliseconds from one KILL QUERY to the next, which are doubled each time. */
const SHORTEST_PAUSE = 5
const LONGEST_PAUSE = 100

export interface Interruptible {
  /** Ends the statement that the session runs, if it does. Resolves when the server has heard of it. */
  readonly interrupt: () => Promise<void>
  /** Sends a command that changes nothing. */
  readonly pass: () => Promise<unknown>
  /** Gives the connection up: the server did not stop within so many milliseconds. */
  readonly giveUp: (limit: number) => void
  /** An interruption may still be on its way, to meet whatever the session runs then. */
  readonly doubt: () => void
}

/** Knows whether a connection has a flight, or stream, on its way, and has it stopped. */
export class Interruption {
  readonly #port: Interruptible
  #flying = false
  #onStop: (() => void) | undefined
  #stopping: Promise<void> | undefined
  /** Resolved when the flight that is being stopped has ended. */
  #landed: PromiseWithResolvers<void> | undefined

  constructor(port: Interruptible) {
    this.#port = port
  }

  /** A flight begins; `onStop` is called when it is to be stopped. */
  begin(onStop?: () => void): void {
    this.#flying = true
    this.#onStop = onStop
  }

  /** All of its answers have come, or none will any more. */
  land(): void {
    this.#flying = false
    this.#landed?.resolve()
  }

  /** Nobody takes anything of it any more; resolves when nothing of its interruption is left. Nothing if there was none. */
  end(): Promise<void> | undefined {
    const stopping = this.#stopping
    this.#onStop = undefined
    this.#stopping = undefined
    return stopping
  }

  /** Has the server stop, if anything is on its way. Returns at once. */
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

  /** Again and again, as far as it can be done: between two statements, or ahead of the first, nothing is ended by it. */
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
    // One that came after the last answer would meet the next statement.
    await pass().catch(() => {})
  }
}
