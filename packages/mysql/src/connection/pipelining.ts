/**
 * Whether statements may travel together on the way to the server. Connections find it out when they are set up: the
 * first, and after a no, which may have been a fault that passes, one at a time and more and more seldom.
 */
import { ConnectionLostError } from '@leasehold/core'
import { DesyncError } from '../errors.ts'

/** Milliseconds after which a no is asked about again: the first time, and at most. */
const SHORTEST = 1_000
const LONGEST = 5 * 60_000

/** How the next connection is to be opened: to find out, as is known to work, or as works everywhere. */
export type Manner = 'asking' | 'together' | 'singly'

export class Pipelining {
  readonly #chosen: boolean | undefined
  #works = false
  /** Of asking, one behind the other. */
  #failures = 0
  #askAgain = 0
  #asking = false
  #warned = false

  /** `chosen`: what nobody has to find out. */
  constructor(chosen: boolean | undefined) {
    this.#chosen = chosen
  }

  /** Each call is to be followed by one of {@link done}. */
  next(): Manner {
    if (this.#chosen !== undefined) return this.#chosen ? 'together' : 'singly'
    if (this.#works) return 'together'
    if (this.#failures === 0) return 'asking'
    if (!this.#isDue()) return 'singly'
    this.#asking = true
    return 'asking'
  }

  /** Whether a connection that was opened in this manner is to be replaced by one that takes statements singly. */
  allowsRetreat(manner: Manner, error: unknown): boolean {
    if (this.#chosen !== undefined || manner === 'singly') return false
    return manner === 'asking' || isCertain(error)
  }

  /** Statements that travelled together were answered as they should be. */
  passed(manner: Manner): void {
    if (this.#chosen !== undefined || manner !== 'asking') return
    this.#works = true
    this.#failures = 0
    this.#warned = false
  }

  /** They were not, and a connection on which they travel singly was set up at once behind it. */
  failed(error: unknown): void {
    // Others have found out meanwhile.
    if (this.#works && !isCertain(error)) return
    this.#works = false
    // Those that asked side by side met the same fault.
    if (this.#asking || this.#failures === 0) {
      const longest = Math.min(LONGEST, SHORTEST * 2 ** this.#failures)
      this.#failures += 1
      this.#askAgain = performance.now() + longest * (1 - Math.random() / 2)
    }
    // A cut, or a silence, may have been the network's; it is told of when it comes again.
    if (isCertain(error) || this.#failures > 1) this.#warn()
  }

  /** The connection is open, or failed to come to be. */
  done(manner: Manner): void {
    if (manner === 'asking') this.#asking = false
  }

  /** Whether a connection on which statements travel singly may be replaced by a better one. */
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
      'statements sent together were not all answered as they should be, so the server or a proxy before it takes ' +
        'them one at a time only; units will be slower. Set the option pipeline to false to skip the test, which is ' +
        'made again from time to time',
      { type: 'LeaseholdPipelineWarning' },
    )
  }
}

/** Whether it was answered, and wrongly: that is no fault that passes. */
function isCertain(error: unknown): boolean {
  return !(error instanceof ConnectionLostError) || error.cause instanceof DesyncError
}
