import { UsageError } from '@leasehold/core'
import { assertTypes, type OptionTypes } from './option-types.ts'
import { milliseconds, wholeNumber } from './whole-numbers.ts'

/** Times are in milliseconds. */
export interface PoolOptions {
  /**
   * Connections at most; 10 unless given. From the first unit with a `timeout` or `signal` on there is one more, for KILL.
   * Where the server has none for it, as with an account whose `max_user_connections` is the same, one of these leaves
   * its place, unless it is the only one: then a unit that is stopped keeps its locks until its statement ends.
   */
  readonly max?: number | undefined
  /** Connections to keep once the first has been needed; none unless given. */
  readonly min?: number | undefined
  /** What a lease may take to be had, connecting included; 10 000 unless given. */
  readonly acquireTimeout?: number | undefined
  /** What `close` gives leased connections to come back; 5 000 unless given. */
  readonly closeTimeout?: number | undefined
  /** The age at which a connection is replaced, less a random tenth so that not all go at once; 30 minutes unless given. */
  readonly maxLifetime?: number | undefined
  /** How long a connection beyond `min` may be idle; 10 minutes unless given. */
  readonly idleTimeout?: number | undefined
  /**
   * How often an idle connection is asked whether it is still there; every 30 000 unless given. One that was silent for a
   * second is asked by the unit that uses it as well, without a round trip.
   */
  readonly keepalive?: number | undefined
}

/** Every option, defaults included. */
export type PoolLimits = { readonly [Name in keyof PoolOptions]-?: number }

const TYPES: OptionTypes<PoolOptions> = {
  max: 'number',
  min: 'number',
  acquireTimeout: 'number',
  closeTimeout: 'number',
  maxLifetime: 'number',
  idleTimeout: 'number',
  keepalive: 'number',
}

/** The options with their defaults. Throws a `UsageError` for numbers that make no sense. */
export function poolOptions(options: PoolOptions = {}): PoolLimits {
  assertTypes('pool.', options, TYPES)
  const {
    max = 10,
    min = 0,
    acquireTimeout = 10_000,
    closeTimeout = 5_000,
    maxLifetime = 30 * 60_000,
    idleTimeout = 10 * 60_000,
    keepalive = 30_000,
  } = options
  const limits = {
    max: wholeNumber('pool.max', max, 1),
    min: wholeNumber('pool.min', min),
    acquireTimeout: milliseconds('pool.acquireTimeout', acquireTimeout),
    closeTimeout: milliseconds('pool.closeTimeout', closeTimeout),
    maxLifetime: milliseconds('pool.maxLifetime', maxLifetime, 1),
    idleTimeout: milliseconds('pool.idleTimeout', idleTimeout, 1),
    keepalive: milliseconds('pool.keepalive', keepalive, 1),
  }
  if (min <= max) return limits
  throw new UsageError(`pool.min: expected at most pool.max, ${max}, got ${min}`)
}
