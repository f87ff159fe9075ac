/** Retries of a whole unit, after the server has rolled it back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionLostError, StatementError, UsageError } from '../errors/errors.ts'
import { assertOptions, checkedElsewhere, type OptionChecks } from '../options/check-options.ts'
import { milliseconds } from '../options/milliseconds.ts'

export interface RetryOptions {
  /** Maximum number of attempts, including the first. Default: 5. */
  readonly attempts?: number | undefined
  /**
   * Maximum wait before attempt 2, 3 …, in milliseconds; the actual wait is a random part of it. Default: 10, 20, 40 … up to 1
   * 000.
   */
  readonly backoff?: ((attempt: number) => number) | undefined
  /** Whether a lock timeout is retried, too. Default: false, because the timeout has already taken its time. */
  readonly lockTimeouts?: boolean | undefined
}

interface Failure {
  readonly cause: unknown
  /** Whether a statement was sent that can commit, such as the call of a procedure. */
  readonly mayHaveCommitted: boolean
}

const OPTIONS: OptionChecks<keyof RetryOptions> = {
  attempts: checkedElsewhere,
  backoff: 'function',
  lockTimeouts: 'boolean',
}

const ATTEMPTS = 5
const LONGEST_WAIT = 1_000

function doubling(attempt: number): number {
  return Math.min(LONGEST_WAIT, 10 * 2 ** (attempt - 2))
}

export class RetryPolicy {
  readonly #attempts: number
  readonly #backoff: (attempt: number) => number
  readonly #lockTimeouts: boolean
  readonly #asked: boolean

  /** `asked`: the caller asked for retries. Throws a `UsageError` for an invalid number of attempts. */
  constructor(options: RetryOptions, { asked }: { readonly asked: boolean }) {
    assertOptions('retry', options, OPTIONS)
    const { attempts = ATTEMPTS, backoff = doubling, lockTimeouts = false } = options
    if (!Number.isSafeInteger(attempts) || attempts < 1) {
      throw new UsageError(`retry.attempts: expected a whole number from 1, got ${attempts}`)
    }
    this.#attempts = attempts
    this.#backoff = backoff
    this.#lockTimeouts = lockTimeouts
    this.#asked = asked
  }

  /**
   * Whether a unit that failed with `cause` in this attempt may run again. It may if none of its changes are in the database:
   * the server rolled it back (deadlock, conflict), or the connection broke before COMMIT was sent. A unit with a statement
   * that may have committed runs again only if the caller asked for retries.
   */
  allows({ cause, mayHaveCommitted }: Failure, attempt: number): boolean {
    if (attempt >= this.#attempts || (mayHaveCommitted && !this.#asked)) return false
    if (cause instanceof ConnectionLostError) return true
    if (!(cause instanceof StatementError)) return false
    return (
      cause.kind === 'deadlock' ||
      cause.kind === 'conflict' ||
      (this.#lockTimeouts && cause.kind === 'lock-timeout')
    )
  }

  /**
   * Waits a random time before that attempt, so that rivals do not collide again. Rejects when `signal` is aborted, with an
   * error of `backoff`, and with a `UsageError` if `backoff` returns an invalid time.
   */
  async wait(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const longest = milliseconds(`retry.backoff(${attempt})`, this.#backoff(attempt))
    await sleep(Math.random() * longest, undefined, signal === undefined ? {} : { signal })
  }
}

/** The budget of retries for all units together, so that retries cannot overload a struggling server. */
export class RetryBudget {
  static readonly #RESERVE = 100
  static readonly #SHARE = 0.5
  #left = RetryBudget.#RESERVE

  /** Adds one unit's share to the budget. */
  earn(): void {
    this.#left = Math.min(RetryBudget.#RESERVE, this.#left + RetryBudget.#SHARE)
  }

  /** Takes one retry; false if none is left. */
  spend(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}

/** The policy of a unit; `undefined` for none. Throws a `UsageError` for an invalid option. */
export function retryOf(
  work: 'query' | 'body' | 'inner',
  retry: boolean | RetryOptions | undefined,
): RetryPolicy | undefined {
  if (retry === false || (retry === undefined && work !== 'query')) return undefined
  if (retry !== undefined && typeof retry !== 'boolean' && typeof retry !== 'object') {
    throw new UsageError(`retry: expected true, false or { attempts, … }, got ${String(retry)}`)
  }
  return new RetryPolicy(typeof retry === 'object' ? retry : {}, { asked: retry !== undefined })
}
