import { UsageError } from '@leasehold/core'

/** Times are in milliseconds. */
export interface PoolOptions {
  /**
   * Connections at most; 10 unless given. From the first unit with a `timeout` or `signal` on there is one more, for KILL.
   * Where the server has none for it, as with an account whose `max_user_connections` is the same, one of these leaves
   * its place, unless it is the only one: then a unit that is stopped keeps its locks until its statement ends.
   */
  readonly max?: number
  /** Connections to keep once the first has been needed; none unless given. */
  readonly min?: number
  /** What a lease may take to be had, connecting included; 10 000 unless given. */
  readonly acquireTimeout?: number
  /** What `close` gives leased connections to come back; 5 000 unless given. */
  readonly closeTimeout?: number
  /** The age at which a connection is replaced, less a random tenth so that not all go at once; 30 minutes unless given. */
  readonly maxLifetime?: number
  /** How long a connection beyond `min` may be idle; 10 minutes unless given. */
  readonly idleTimeout?: number
  /**
   * How often an idle connection is asked whether it is still there; every 30 000 unless given. One that was silent for a
   * second is asked by the unit that uses it as well, without a round trip.
   */
  readonly keepalive?: number
}

const DEFAULTS: Required<PoolOptions> = {
  max: 10,
  min: 0,
  acquireTimeout: 10_000,
  closeTimeout: 5_000,
  maxLifetime: 30 * 60_000,
  idleTimeout: 10 * 60_000,
  keepalive: 30_000,
}

const LEAST: Partial<PoolOptions> = { max: 1, maxLifetime: 1, idleTimeout: 1, keepalive: 1 }

/** The options with their defaults. Throws a `UsageError` for numbers that make no sense. */
export function poolOptions(options: PoolOptions = {}): Required<PoolOptions> {
  const complete = { ...DEFAULTS, ...options }
  for (const name of Object.keys(DEFAULTS) as (keyof PoolOptions)[]) {
    const [value, least] = [complete[name], LEAST[name] ?? 0]
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new UsageError(`pool.${name}: expected a whole number from ${least}, got ${value}`)
  }
  if (complete.min <= complete.max) return complete
  throw new UsageError(`pool.min: expected at most pool.max, ${complete.max}, got ${complete.min}`)
}
