/** The deadline of a unit: a time limit, or a signal. */
import { inspect } from 'node:util'
import { DeadlineError, UsageError } from '../errors/errors.ts'
import { milliseconds } from '../options/milliseconds.ts'

export interface DeadlineOptions {
  /** Milliseconds for the whole unit, including the wait for a connection and further attempts. Default: no limit. */
  readonly timeout?: number | undefined
  /** Stops the unit when it is aborted. Default: none. */
  readonly signal?: AbortSignal | undefined
}

const COMMIT_TIMEOUT = 30_000

/** Milliseconds for the answer to COMMIT. Throws a `UsageError` for an invalid number. */
export function commitLimit(timeout: number = COMMIT_TIMEOUT): number {
  return milliseconds('commitTimeout', timeout)
}

/** Checks values that bypass the types. An `AbortSignal` may come from another realm. */
export function assertSignal(signal: unknown): void {
  const { addEventListener, aborted } = Object(signal) as Partial<AbortSignal>
  if (typeof addEventListener === 'function' && typeof aborted === 'boolean') return
  throw new UsageError(`signal: expected an AbortSignal, got ${inspect(signal, { depth: 0 })}`)
}

export class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined
  readonly #callers: readonly AbortSignal[]
  readonly #timeout: number | undefined

  private constructor(timeout: number | undefined, signals: readonly AbortSignal[]) {
    this.#timeout = timeout
    this.#callers = signals
    if (timeout !== undefined) this.#timer = setTimeout(this.#reach, timeout)
    if (signals.some(({ aborted }) => aborted)) this.#reach()
    else for (const signal of signals) signal.addEventListener('abort', this.#reach, { once: true })
  }

  /** `undefined` without a limit and signals. Throws a `UsageError` for an invalid number or signal. */
  static from(timeout: number | undefined, signals: readonly AbortSignal[]): Deadline | undefined {
    if (timeout === undefined && signals.length === 0) return undefined
    signals.forEach(assertSignal)
    return new Deadline(timeout === undefined ? undefined : milliseconds('timeout', timeout), signals)
  }

  get reached(): boolean {
    return this.#controller.signal.aborted
  }

  /** Aborted when the deadline is reached. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The error of a unit that was stopped during `activity`. */
  error(unit: string, activity: string): DeadlineError {
    const caller = this.#callers.find(({ aborted }) => aborted)
    if (caller !== undefined) {
      const message = `${unit} was aborted by its signal while ${activity}`
      return new DeadlineError('aborted', message, activity, { cause: caller.reason })
    }
    return new DeadlineError(
      'timeout',
      `${unit} was not done within ${this.#timeout} ms: stopped while ${activity}`,
      activity,
    )
  }

  /** Releases the timer and the callers' signals. */
  end(): void {
    clearTimeout(this.#timer)
    for (const signal of this.#callers) signal.removeEventListener('abort', this.#reach)
  }

  readonly #reach = (): void => this.#controller.abort()
}
