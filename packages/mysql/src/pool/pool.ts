/** The pool: the connections of one driver, and the waiters. */
import { AcquireError, type DriverStats } from '@leasehold/core'
import { ConnectBackoff } from './connect-backoff.ts'
import type { ConnectionOwner, MysqlConnection } from '../connection/connection.ts'
import { isCrowded } from '../errors.ts'
import type { SessionIdentity } from '../connection/session-identity.ts'
import type { PoolLimits } from '../options/pool-options.ts'
import { isRefusal, reasonOf } from './login-refusals.ts'
import { Reservation, type ReservationEnd } from './reservation.ts'
import { WaitQueue } from './wait-queue.ts'

/** Each open connection is in exactly one of these places. */
type Place = 'idle' | 'leased' | 'resetting' | 'validating'

/** The reason why a connection was closed. */
type Reason = 'closed' | 'expired' | 'idle' | 'lost' | 'spent' | 'stopped' | 'yielded'

export interface PoolPort {
  /** Opens a connection that is ready for a lease, and returns to `owner` at the end of each. */
  readonly open: (owner: ConnectionOwner) => Promise<MysqlConnection>
  /** Kills a session on the server. */
  readonly kill: (session: SessionIdentity) => void
  /** Opens the control connection; `undefined` if there is one. Resolves when it has opened or failed. */
  readonly reserve: () => Promise<ReservationEnd> | undefined
  /** Closes the control connection in favour of the pool. */
  readonly giveWay: () => void
  /** Lets the control connection close when it is idle. */
  readonly rest: () => void
}

export class Pool implements ConnectionOwner {
  readonly #port: PoolPort
  readonly #options: PoolLimits
  readonly #places = new Map<MysqlConnection, Place>()
  readonly #expiry = new WeakMap<MysqlConnection, number>()
  readonly #line = new WaitQueue<MysqlConnection>()
  readonly #backoff = new ConnectBackoff(() => this.#grow())
  readonly #discarded: Record<Reason, number> = {
    closed: 0,
    expired: 0,
    idle: 0,
    lost: 0,
    spent: 0,
    stopped: 0,
    yielded: 0,
  }
  readonly #reservation: Reservation
  /** Whether a connection must close in favour of the control connection. */
  #yields = false
  #created = 0
  #connecting = 0
  #closing: PromiseWithResolvers<void> | undefined

  constructor(port: PoolPort, options: PoolLimits) {
    this.#port = port
    this.#reservation = new Reservation(port.reserve, (end) => this.#reserved(end))
    this.#options = options
  }

  get stats(): DriverStats {
    return {
      open: this.#places.size,
      idle: this.#in('idle').length,
      leased: this.#in('leased').length,
      busy: this.#in('resetting').length + this.#in('validating').length,
      connecting: this.#connecting,
      waiting: this.#line.length,
      created: this.#created,
      discarded: { ...this.#discarded },
    }
  }

  /** First come, first served. */
  acquire(signal?: AbortSignal): Promise<MysqlConnection> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (signal?.aborted === true) return Promise.reject(aborted())
    if (signal !== undefined) this.#reservation.ask()
    const connection = this.#lastIdle()
    if (connection !== undefined && !this.#isKept(connection)) {
      this.#places.set(connection, 'leased')
      return Promise.resolve(connection)
    }
    const { refusal } = this.#backoff
    if (refusal !== undefined && this.#places.size === 0) return Promise.reject(unreachable(refusal))
    const timeout = this.#options.acquireTimeout
    const leased = this.#line.join({
      timeout,
      signal,
      onTimeout: () => this.#timedOut(),
      onAbort: () => aborted(this.#backoff.error),
    })
    this.#grow()
    return leased
  }

  release(connection: MysqlConnection): void {
    if (connection.condition === 'dirty') this.#work(connection, 'resetting', connection.reset())
    else this.#offer(connection)
  }

  /**
   * Kills a session that may still run: it would hold its locks until its statement ends. A connection that broke from outside
   * has usually ended its session.
   */
  discard(connection: MysqlConnection, reason: Error): void {
    const { lost, silent, identity } = connection
    if (!lost || silent) this.#port.kill(identity)
    connection.destroy(reason)
    this.#drop(connection, lost ? 'lost' : 'stopped')
  }

  /**
   * Drops a broken idle connection; in other places its user notices the loss. After a silent loss, validates the other idle
   * connections, so that the next units do not find them dead one by one.
   */
  lost(connection: MysqlConnection): void {
    if (this.#places.get(connection) === 'idle') this.#drop(connection, 'lost')
    if (!connection.silent) return
    for (const idle of this.#in('idle')) {
      if (!idle.proven) this.#work(idle, 'validating', idle.validate())
    }
  }

  /** Closes expired and superfluous connections, and validates the others. */
  housekeep(now: number): void {
    for (const connection of this.#in('idle')) {
      const idle = now - connection.idleSince
      if (this.#isExpired(connection, now)) this.#quit(connection, 'expired')
      else if (idle >= this.#options.idleTimeout && this.#places.size > this.#options.min)
        this.#quit(connection, 'idle')
      else if (now - connection.answeredAt >= this.#options.keepalive) {
        this.#work(connection, 'validating', connection.validate())
      }
    }
    this.#grow()
  }

  /** Rejects the waiters, closes idle connections, waits for leased ones, and closes those at the time limit. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise
    const closing = Promise.withResolvers<void>()
    this.#closing = closing
    this.#backoff.stop()
    this.#line.dismiss(closed())
    for (const connection of this.#in('idle')) this.#offer(connection)
    const timer = setTimeout(() => {
      for (const connection of this.#places.keys())
        this.discard(connection, new Error('the driver was closed'))
      closing.resolve()
    }, this.#options.closeTimeout)
    this.#finishIfEmpty()
    return closing.promise.finally(() => clearTimeout(timer))
  }

  /** Hands a free connection to the first waiter, if any. */
  #offer(connection: MysqlConnection): void {
    if (this.#closing !== undefined) this.#quit(connection, 'closed')
    else if (connection.condition === 'spent') this.#quit(connection, connection.lost ? 'lost' : 'spent')
    else if (this.#isExpired(connection, performance.now())) this.#quit(connection, 'expired')
    else if (this.#yields) this.#yield(connection)
    else if (this.#isKept(connection) || !this.#line.serve(connection)) this.#places.set(connection, 'idle')
    else this.#places.set(connection, 'leased')
  }

  /** Keeps the connection busy with work of its own before it is free again. */
  #work(connection: MysqlConnection, place: Place, done: Promise<void>): void {
    this.#places.set(connection, place)
    done.then(
      () => this.#offer(connection),
      (error: unknown) => this.discard(connection, error as Error),
    )
  }

  #grow(): void {
    if (this.#closing !== undefined || this.#backoff.waiting) return
    const { max, min } = this.#options
    const room = this.#reservation.pending ? Math.max(1, max - 1) : max
    const missing = (): number =>
      Math.max(this.#line.length, this.#created === 0 ? 0 : min - this.#places.size)
    const most = (): number => Math.min(missing(), this.#backoff.atOnce)
    while (this.#connecting < most() && this.#connecting + this.#places.size < room) this.#connect()
  }

  /** If the server has no place for the control connection, the first free connection of the pool closes. */
  #reserved(end: ReservationEnd): void {
    this.#yields = end === 'crowded' && this.#places.size > 1 && this.#places.size >= this.#options.max
    for (const connection of this.#in('idle')) {
      if (this.#yields || this.#line.length > 0) this.#offer(connection)
    }
    this.#grow()
  }

  /** Whether a free connection must stay free until the control connection has opened. */
  #isKept(connection: MysqlConnection): boolean {
    if (!this.#reservation.pending || this.#options.max === 1) return false
    let busy = this.#connecting
    for (const [other, place] of this.#places) if (other !== connection && place !== 'idle') busy += 1
    return busy >= this.#options.max - 1
  }

  #yield(connection: MysqlConnection): void {
    this.#yields = false
    // Comes first, so that the control connection takes the place.
    connection.quit()
    this.#reservation.insist()
    this.#drop(connection, 'yielded')
  }

  #connect(): void {
    this.#connecting += 1
    this.#port.open(this).then(
      (connection) => {
        this.#connecting -= 1
        this.#created += 1
        this.#backoff.reset()
        const { maxLifetime } = this.#options
        this.#expiry.set(connection, performance.now() + maxLifetime * (1 - Math.random() / 10))
        this.#offer(connection)
        // The pause after another attempt's failure, which would have continued, has just ended.
        this.#grow()
      },
      (error: unknown) => {
        this.#connecting -= 1
        this.#refused(error as Error)
      },
    )
  }

  /**
   * Bad credentials fail all waiters at once, unless a connection is open; other errors are retried until the waiters time out.
   */
  #refused(error: Error): void {
    if (isCrowded(error) && this.#places.size === 0) {
      this.#port.giveWay()
      this.#reservation.postpone()
    }
    if (isRefusal(error)) {
      this.#backoff.refused(error)
      if (this.#places.size === 0) this.#line.dismiss(unreachable(error))
    } else this.#backoff.failed(error)
    this.#finishIfEmpty()
  }

  #isExpired(connection: MysqlConnection, now: number): boolean {
    return now >= (this.#expiry.get(connection) ?? Infinity)
  }

  #quit(connection: MysqlConnection, reason: Reason): void {
    connection.quit()
    this.#drop(connection, reason)
  }

  #drop(connection: MysqlConnection, reason: Reason): void {
    this.#places.delete(connection)
    this.#discarded[reason] += 1
    this.#yields = false
    this.#grow()
    if (this.#places.size === 0) this.#port.rest()
    this.#finishIfEmpty()
  }

  /** The most recently used idle connection, so that superfluous ones become old and close. */
  #lastIdle(): MysqlConnection | undefined {
    let last: MysqlConnection | undefined
    for (const [connection, place] of this.#places) {
      if (place === 'idle' && (last === undefined || connection.idleSince > last.idleSince)) last = connection
    }
    return last
  }

  #in(place: Place): readonly MysqlConnection[] {
    const there: MysqlConnection[] = []
    for (const [connection, at] of this.#places) if (at === place) there.push(connection)
    return there
  }

  #timedOut(): AcquireError {
    const { error } = this.#backoff
    if (error !== undefined) return unreachable(error)
    const { acquireTimeout, max } = this.#options
    const { leased, busy, connecting, waiting } = this.stats
    return new AcquireError(
      'timeout',
      `no connection came free within ${acquireTimeout} ms (max=${max}, leased=${leased}, busy=${busy}, ` +
        `connecting=${connecting}, waiting=${waiting}): shorten the units, or raise pool.max`,
    )
  }

  #finishIfEmpty(): void {
    if (this.#connecting === 0 && this.#places.size === 0) this.#closing?.resolve()
  }
}

function unreachable(cause: Error): AcquireError {
  return new AcquireError('connect', `no connection could be opened: ${reasonOf(cause)}`, { cause })
}

function aborted(cause?: Error): AcquireError {
  return new AcquireError('aborted', 'the caller gave up waiting for a connection', { cause })
}

function closed(): AcquireError {
  return new AcquireError('closed', 'the driver is closed or closing: units need a new unit of work')
}
