/** The connections of one driver, and those who wait for one. */
import { AcquireError } from '@leasehold/core'
import type { Home, MysqlConnection } from './connection.ts'

export interface PoolOptions {
  /** Connections at most; 10 unless given. */
  readonly max?: number
  /** Milliseconds that a lease may take to be had, connecting included; 10 000 unless given. */
  readonly acquireTimeout?: number
  /** Milliseconds that `close` gives leased connections to come back; 5 000 unless given. */
  readonly closeTimeout?: number
}

/** Each open connection is in exactly one of these places. */
type Place = 'idle' | 'leased' | 'resetting'

interface Waiter {
  readonly resolve: (connection: MysqlConnection) => void
  readonly reject: (error: AcquireError) => void
  /** Lets go of what would end the waiting. */
  readonly settle: () => void
}

export class Pool implements Home {
  readonly #open: (home: Home) => Promise<MysqlConnection>
  readonly #kill: (id: number) => void
  readonly #options: Required<PoolOptions>
  readonly #places: Record<Place, Set<MysqlConnection>> = {
    idle: new Set(),
    leased: new Set(),
    resetting: new Set(),
  }
  readonly #waiters = new Set<Waiter>()
  #connecting = 0
  #closing: PromiseWithResolvers<void> | undefined

  /**
   * `open` gives a connection that is ready to be leased and calls back here at the end of each lease; `kill` ends a
   * session on the server.
   */
  constructor(
    open: (home: Home) => Promise<MysqlConnection>,
    kill: (id: number) => void,
    options: Required<PoolOptions>,
  ) {
    this.#open = open
    this.#kill = kill
    this.#options = options
  }

  /** First come, first served. */
  acquire(signal?: AbortSignal): Promise<MysqlConnection> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (signal?.aborted === true) return Promise.reject(aborted())
    const [connection] = this.#places.idle
    if (connection !== undefined) {
      this.#move(connection, 'leased')
      return Promise.resolve(connection)
    }
    return new Promise((resolve, reject) => {
      const giveUp = (error: AcquireError): void => {
        this.#takeWaiter(waiter).reject(error)
      }
      const onTimeout = (): void => giveUp(this.#timedOut())
      const onAbort = (): void => giveUp(aborted())
      const timer = setTimeout(onTimeout, this.#options.acquireTimeout)
      signal?.addEventListener('abort', onAbort, { once: true })
      const settle = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = { resolve, reject, settle }
      this.#waiters.add(waiter)
      this.#grow()
    })
  }

  takeBack(connection: MysqlConnection): void {
    if (connection.condition !== 'dirty') {
      this.#offer(connection)
      return
    }
    this.#move(connection, 'resetting')
    connection.reset().then(
      () => this.#offer(connection),
      (error: unknown) => this.discard(connection, error as Error),
    )
  }

  /** A connection that is still there has its session killed: the server would go on with the statement, locks and all. */
  discard(connection: MysqlConnection, reason: Error): void {
    if (!connection.lost) this.#kill(connection.id)
    connection.destroy(reason)
    this.#drop(connection)
  }

  /** An idle connection that broke is forgotten; another place's is dealt with by whoever works on it. */
  lost(connection: MysqlConnection): void {
    if (this.#places.idle.has(connection)) this.#drop(connection)
  }

  /** Refuses those who wait, closes what is idle, waits for what is leased, and closes that too when time is up. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise
    this.#closing = Promise.withResolvers<void>()
    for (const waiter of this.#waiters) this.#takeWaiter(waiter).reject(closed())
    for (const connection of this.#places.idle) this.#offer(connection)
    const timer = setTimeout(() => {
      for (const connection of this.#all()) this.discard(connection, new Error('the driver was closed'))
      this.#closing?.resolve()
    }, this.#options.closeTimeout)
    this.#closing.promise.then(
      () => clearTimeout(timer),
      () => {},
    )
    this.#finishIfEmpty()
    return this.#closing.promise
  }

  /** A connection that is free: for the first who waits, if any. */
  #offer(connection: MysqlConnection): void {
    if (connection.condition === 'spent' || this.#closing !== undefined) {
      connection.quit()
      this.#drop(connection)
      return
    }
    const [waiter] = this.#waiters
    if (waiter === undefined) {
      this.#move(connection, 'idle')
      return
    }
    this.#move(connection, 'leased')
    this.#takeWaiter(waiter).resolve(connection)
  }

  #grow(): void {
    const { idle, leased, resetting } = this.#places
    while (
      this.#connecting < this.#waiters.size &&
      this.#connecting + idle.size + leased.size + resetting.size < this.#options.max
    ) {
      this.#connecting += 1
      this.#open(this).then(
        (connection) => {
          this.#connecting -= 1
          this.#offer(connection)
        },
        (error: unknown) => {
          this.#connecting -= 1
          this.#refused(error as Error)
        },
      )
    }
  }

  #refused(error: Error): void {
    const [waiter] = this.#waiters
    if (waiter !== undefined) {
      const message = `no connection could be opened: ${error.message}`
      this.#takeWaiter(waiter).reject(new AcquireError('connect', message, { cause: error }))
    }
    this.#grow()
    this.#finishIfEmpty()
  }

  #drop(connection: MysqlConnection): void {
    this.#leave(connection)
    this.#grow()
    this.#finishIfEmpty()
  }

  #move(connection: MysqlConnection, place: Place): void {
    this.#leave(connection)
    this.#places[place].add(connection)
  }

  #leave(connection: MysqlConnection): void {
    for (const place of Object.values(this.#places)) place.delete(connection)
  }

  #takeWaiter(waiter: Waiter): Waiter {
    this.#waiters.delete(waiter)
    waiter.settle()
    return waiter
  }

  #timedOut(): AcquireError {
    const { acquireTimeout, max } = this.#options
    const { leased, resetting } = this.#places
    return new AcquireError(
      'timeout',
      `no connection came free within ${acquireTimeout} ms: of ${max} at most, ${leased.size} are leased, ` +
        `${resetting.size} are being reset and ${this.#connecting} are being opened; ${this.#waiters.size - 1} more wait`,
    )
  }

  #all(): readonly MysqlConnection[] {
    return Object.values(this.#places).flatMap((place) => Array.from(place))
  }

  #finishIfEmpty(): void {
    if (this.#closing !== undefined && this.#connecting === 0 && this.#all().length === 0)
      this.#closing.resolve()
  }
}

function aborted(): AcquireError {
  return new AcquireError('aborted', 'the caller gave up waiting for a connection')
}

function closed(): AcquireError {
  return new AcquireError('closed', 'the driver is closed, or about to be')
}
