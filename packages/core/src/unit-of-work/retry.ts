/** Running a whole unit again, when the server itself has undone it and asks for that. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionLostError, StatementError, UsageError } from '../errors/errors.ts'
import { assertKnown } from '../options/known-options.ts'
import { milliseconds } from '../options/milliseconds.ts'

export interface RetryOptions {
  /** Attempts in all, the first one included; 5 unless given. */
  readonly attempts?: number | undefined
  /** Milliseconds to wait before attempt 2, 3 … at most; the wait is a random part of it. 10, 20, 40 … up to 1 000 unless given. */
  readonly backoff?: ((attempt: number) => number) | undefined
  /** Whether a lock timeout is a reason, too; it is not unless asked, for it has already taken its time. */
  readonly lockTimeouts?: boolean | undefined
}

interface Failure {
  readonly cause: unknown
  /** Whether a statement was sent that may commit by itself, such as the call of a procedure. */
  readonly mayHaveCommitted: boolean
}

const OPTIONS: ReadonlySet<string> = new Set([
  'attempts',
  'backoff',
  'lockTimeouts',
] satisfies (keyof RetryOptions)[])

const ATTEMPTS = 5
const LONGEST_WAIT = 1_000

function doubling(attempt: number): number {
  return Math.min(LONGEST_WAIT, 10 * 2 ** (attempt - 2))
}

export class Retry {
  readonly #attempts: number
  readonly #backoff: (attempt: number) => number
  readonly #lockTimeouts: boolean
  readonly #asked: boolean

  /** `asked`: by the caller, not by default. Throws a `UsageError` for a number of attempts that makes no sense. */
  constructor(options: RetryOptions, { asked }: { readonly asked: boolean }) {
    assertKnown('retry', options, OPTIONS)
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
   * Whether a unit that failed because of `cause` in this attempt is to be run again. It is only if nothing of it is in
   * the database: the server rolled it back (deadlock, conflict), or the connection broke before COMMIT was sent. What
   * may have committed by itself before it failed, or before the connection broke, is repeated only for who asked.
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
   * Waits before that attempt, a random time so that rivals don't meet again. Rejects when `signal` is aborted, with what
   * `backoff` throws, and with a `UsageError` if that gives no time to wait.
   */
  async wait(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const longest = milliseconds(`retry.backoff(${attempt})`, this.#backoff(attempt))
    await sleep(Math.random() * longest, undefined, signal === undefined ? {} : { signal })
  }
}

/** What units may run again altogether, so that a server in trouble is not asked for ever more. */
export class RetryBudget {
  static readonly #RESERVE = 100
  static readonly #SHARE = 0.5
  #left = RetryBudget.#RESERVE

  /** Each unit adds to what may be spent. */
  earn(): void {
    this.#left = Math.min(RetryBudget.#RESERVE, this.#left + RetryBudget.#SHARE)
  }

  /** Takes one retry from it; false if there is none left. */
  spend(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
