/**
 * Finds out whether statements can travel together on the way to the server. The first connection tests it during its set-up.
 * After a failure, which may pass, one connection at a time tests again, at growing intervals.
 */
import { ConnectionLostError } from '@leasehold/core'
import { DesyncError } from '../errors.ts'

/** Milliseconds from a failed test to the next one: the first time, and at most. */
const SHORTEST = 1_000
const LONGEST = 5 * 60_000

/** How to open the next connection: testing, together (the test passed), or singly (works everywhere). */
export type Manner = 'asking' | 'together' | 'singly'

export class PipeliningCheck {
  readonly #chosen: boolean | undefined
  #works = false
  /** Consecutive failed tests. */
  #failures = 0
  #askAgain = 0
  #asking = false
  #warned = false

  /** `chosen`: the option `pipeline`, which skips the test. */
  constructor(chosen: boolean | undefined) {
    this.#chosen = chosen
  }

  /** Call {@link done} after each call. */
  next(): Manner {
    if (this.#chosen !== undefined) return this.#chosen ? 'together' : 'singly'
    if (this.#works) return 'together'
    if (this.#failures === 0) return 'asking'
    if (!this.#isDue()) return 'singly'
    this.#asking = true
    return 'asking'
  }

  /** Whether to replace a connection of this manner, after `error`, by one that sends statements singly. */
  allowsRetreat(manner: Manner, error: unknown): boolean {
    if (this.#chosen !== undefined || manner === 'singly') return false
    return manner === 'asking' || isCertain(error)
  }

  /** Notes a test that passed. */
  passed(manner: Manner): void {
    if (this.#chosen !== undefined || manner !== 'asking') return
    this.#works = true
    this.#failures = 0
    this.#warned = false
  }

  /** Notes a test that failed, while a connection that sends singly succeeded right after it. */
  failed(error: unknown): void {
    // Another connection has passed the test meanwhile.
    if (this.#works && !isCertain(error)) return
    this.#works = false
    // Tests side by side met the same fault.
    if (this.#asking || this.#failures === 0) {
      const longest = Math.min(LONGEST, SHORTEST * 2 ** this.#failures)
      this.#failures += 1
      this.#askAgain = performance.now() + longest * (1 - Math.random() / 2)
    }
    // The network may have caused a cut or a silence: warn when it happens again.
    if (isCertain(error) || this.#failures > 1) this.#warn()
  }

  /** Notes that opening the connection has ended. */
  done(manner: Manner): void {
    if (manner === 'asking') this.#asking = false
  }

  /** Whether a connection that sends singly may be replaced by a pipelining one. */
  get supersedes(): boolean {
    return this.#chosen === undefined && (this.#works || (this.#failures > 0 && this.#isDue()))
  }

  #isDue(): boolean {
    return !this.#asking && performance.now() >= this.#askAgain
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    process.emitWarning(
      'statements that travelled together were not answered correctly: the server, or a proxy before it, accepts one at a ' +
        'time only, and units are slower. Set the option pipeline to false to skip this test, which is repeated from time ' +
        'to time',
      { type: 'LeaseholdPipelineWarning' },
    )
  }
}

/** Whether answers arrived and were wrong, which is no passing fault. */
function isCertain(error: unknown): boolean {
  return !(error instanceof ConnectionLostError) || error.cause instanceof DesyncError
}
