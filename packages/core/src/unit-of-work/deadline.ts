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
  readonly #caller: AbortSignal | undefined
  readonly #timeout: number | undefined

  private constructor({ timeout, signal }: DeadlineOptions) {
    this.#timeout = timeout
    this.#caller = signal
    if (timeout !== undefined) this.#timer = setTimeout(this.#reach, timeout)
    if (signal?.aborted === true) this.#reach()
    else signal?.addEventListener('abort', this.#reach, { once: true })
  }

  /** `undefined` if the options set none. Throws a `UsageError` for an invalid number. */
  static from({ timeout, signal }: DeadlineOptions): Deadline | undefined {
    if (timeout === undefined && signal === undefined) return undefined
    if (signal !== undefined) assertSignal(signal)
    return new Deadline({
      timeout: timeout === undefined ? undefined : milliseconds('timeout', timeout),
      signal,
    })
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
    if (this.#caller?.aborted === true) {
      const message = `${unit} was aborted by its signal while ${activity}`
      return new DeadlineError('aborted', message, activity, { cause: this.#caller.reason })
    }
    return new DeadlineError(
      'timeout',
      `${unit} was not done within ${this.#timeout} ms: stopped while ${activity}`,
      activity,
    )
  }

  /** Releases the timer and the caller's signal. */
  end(): void {
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener('abort', this.#reach)
  }

  readonly #reach = (): void => this.#controller.abort()
}
