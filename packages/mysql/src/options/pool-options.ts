import { UsageError } from '@leasehold/core'
import { assertTypes, type OptionTypes } from './option-types.ts'
import { milliseconds, wholeNumber } from './whole-numbers.ts'

/** Options of the pool. Times are in whole milliseconds, at most 2^31 - 1. */
export interface PoolOptions {
  /**
   * Maximum number of connections, from 1. Default: 10. From the first unit with a `timeout` or `signal` on, there is one
   * more, for KILL. If the server refuses that one, as for an account whose `max_user_connections` equals `max`, one of the
   * pool makes room for it. With `max: 1` none does, and a stopped unit holds its locks until its statement ends.
   */
  readonly max?: number | undefined
  /** Number of connections to keep open once the first was needed, up to `max`. Default: 0. */
  readonly min?: number | undefined
  /** Limit for getting a connection, connecting included. Default: 10 000. */
  readonly acquireTimeout?: number | undefined
  /** Time that `close` waits for leased connections. Default: 5 000. */
  readonly closeTimeout?: number | undefined
  /** Age at which a connection is replaced, less up to a tenth at random, to spread replacements. Default: 30 minutes. */
  readonly maxLifetime?: number | undefined
  /** Time that a connection beyond `min` may be idle. Default: 10 minutes. */
  readonly idleTimeout?: number | undefined
  /**
   * Interval at which an idle connection is checked. Default: 30 000. A unit also checks a connection that was silent for a
   * second, without a round trip.
   */
  readonly keepalive?: number | undefined
}

/** All options, with defaults. */
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

/**
 * The options, with defaults.
 *
 * @throws {UsageError} when an option is unknown or out of bounds.
 */
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
