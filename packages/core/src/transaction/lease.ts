/** Exclusive ownership of one connection: from `acquire` to exactly one `release` or `discard`. */
import type { Answer, Command, Connection, Driver, Session, StatementCommand } from '../driver.ts'
import { UsageError } from '../errors/errors.ts'
import { type LeaseEvent, traceLease } from '../events.ts'
import type { LeakDetection } from './leak-detection.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import type { UnitIdentity } from '../errors/unit-identity.ts'

export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined
  readonly leaks?: LeakDetection | undefined
}

/** The lease as a transaction sees it. */
export type LeaseHandle = Pick<Lease, 'session' | 'fly' | 'stream' | 'interrupt' | 'release' | 'discard'>

export class Lease {
  readonly #connection: Connection
  readonly #onEnd: (end: LeaseEvent['end']) => void
  #ended: string | undefined

  private constructor(connection: Connection, onEnd: (end: LeaseEvent['end']) => void) {
    this.#connection = connection
    this.#onEnd = onEnd
  }

  /** Rejects with an `AcquireError` when the driver has no connection to give, or `signal` is aborted meanwhile. */
  static async acquire(driver: Driver, unit: UnitIdentity, options: AcquireOptions = {}): Promise<Lease> {
    const trace = traceLease(unit)
    try {
      const connection = await driver.acquire(options.signal)
      trace.acquired(connection.id)
      const endWatch = options.leaks?.begin(connection.id)
      return new Lease(connection, (end) => {
        endWatch?.()
        trace.ended(end)
      })
    } catch (error) {
      trace.failed(error)
      throw error
    }
  }

  get session(): Session {
    return this.#connection
  }

  /** See {@link Connection.fly}; throws a {@link UsageError} once the lease has ended. */
  fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]> {
    this.#assertOpen('used')
    return this.#connection.fly(commands, onLast)
  }

  /** See {@link Connection.stream}; throws a {@link UsageError} once the lease has ended. */
  stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    this.#assertOpen('used')
    return this.#connection.stream(command, ahead, onEnd)
  }

  /** See {@link Connection.interrupt}. Does nothing once the lease has ended: the flight would be another unit's. */
  interrupt(): void {
    if (this.#ended === undefined) this.#connection.interrupt()
  }

  /** See {@link Connection.renew}. */
  renew(transaction?: 'open'): void {
    this.#assertOpen('used')
    this.#connection.renew(transaction)
  }

  /** See {@link Connection.native}. Throws a {@link UsageError} if the driver lends no connection. */
  native<T>(use: (connection: unknown) => Promise<T>): Promise<T> {
    this.#assertOpen('used')
    if (this.#connection.native !== undefined) return this.#connection.native(use)
    throw new UsageError('native: the driver has no connection of a library below to lend')
  }

  /** Gives a sound connection back; see {@link Connection.release}. `where` is named in errors of later use. */
  release(where: string, transaction?: 'open'): void {
    this.#end(`released ${where}`)
    this.#onEnd('released')
    this.#connection.release(transaction)
  }

  /** Closes a connection that must not be used again. */
  discard(reason: Error): void {
    this.#end(`discarded: ${reason.message}`)
    this.#onEnd('discarded')
    this.#connection.discard(reason)
  }

  #end(how: string): void {
    this.#assertOpen('ended')
    this.#ended = how
  }

  #assertOpen(verb: string): void {
    if (this.#ended === undefined) return
    throw new UsageError(
      `a lease was ${verb} after its end: connection ${this.#connection.id} was ${this.#ended}`,
    )
  }
}
