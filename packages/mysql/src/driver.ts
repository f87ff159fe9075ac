/** The driver: a pool of sessions that are set up for flights. */
import { type Driver, LeaseholdError } from '@leasehold/core'
import { type ConnectionSettings, type ConnectionOwner, MysqlConnection } from './connection/connection.ts'
import { SessionKiller } from './pool/session-killer.ts'
import {
  connectionOptions,
  type MysqlDriverOptions,
  preparedStatements,
  valueSettings,
} from './options/options.ts'
import { locks } from './schema/named-locks.ts'
import { outcomes } from './schema/outcome-table.ts'
import type { NativeConnection } from './protocol/mysql2-commands.ts'
import { Wire } from './protocol/wire.ts'
import { PipeliningCheck } from './connection/pipelining-check.ts'
import { Pool } from './pool/pool.ts'
import { type PoolLimits, poolOptions } from './options/pool-options.ts'

/** Milliseconds for the test whether statements can travel together. */
const PROBE_TIMEOUT = 2_000

/**
 * Leases connections to a MySQL (8.4 or newer) or MariaDB (10.6 or newer) server; opens none before the first unit.
 *
 * @example
 * ```ts
 * const driver = mysqlDriver({ uri: 'mysql://root@localhost/shop', pool: { max: 20 } })
 * const uow = createUnitOfWork({ driver })
 * await uow.read(accounts.count()) // 2
 * await uow.close()
 * ```
 *
 * @throws {UsageError} when the uri or an option is unknown or invalid.
 */
export function mysqlDriver(options: MysqlDriverOptions): Driver<NativeConnection> {
  const mysql2Options = connectionOptions(options)
  const settings: ConnectionSettings = {
    values: valueSettings(options),
    exposeParameters: options.exposeParameters ?? false,
    preparedStatements: preparedStatements(options),
  }
  // mysql2 numbers the packets of one compressed command at a time only.
  const pipelining = new PipeliningCheck(mysql2Options.compress === true ? false : options.pipeline)
  const connectTimeout = mysql2Options.connectTimeout ?? PROBE_TIMEOUT

  async function connect(owner: ConnectionOwner, pipelined: boolean): Promise<MysqlConnection> {
    // mysql2 stores facts about the server on the options, so each connection has its own copy.
    const wire = await Wire.connect({ ...mysql2Options })
    const connection = new MysqlConnection(wire, {
      pipelining: pipelined,
      isSuperseded: () => !pipelined && pipelining.supersedes,
      settings,
      owner,
      interrupt: (session) => killer.interrupt(session),
    })
    wire.whenLost(() => pool.lost(connection))
    return connection
  }

  async function open(owner: ConnectionOwner): Promise<MysqlConnection> {
    const manner = pipelining.next()
    try {
      const connection = await connect(owner, manner !== 'singly')
      try {
        await setUp(
          connection,
          manner === 'asking' ? Math.min(connectTimeout, PROBE_TIMEOUT) : connectTimeout,
        )
        pipelining.passed(manner)
        return connection
      } catch (error) {
        if (!pipelining.allowsRetreat(manner, error)) throw error
        const serial = await setUp(await connect(owner, false), connectTimeout)
        pipelining.failed(error)
        return serial
      }
    } finally {
      pipelining.done(manner)
    }
  }

  const killer = new SessionKiller(mysql2Options)
  const limits = poolOptions(options.pool)
  const pool = new Pool(
    {
      open,
      kill: (session) => killer.kill(session),
      reserve: () => killer.reserve(),
      giveWay: () => killer.giveWay(),
      rest: () => killer.rest(),
    },
    limits,
  )
  const housekeep = (): void => {
    pool.housekeep(performance.now())
    killer.housekeep(performance.now(), limits.keepalive)
  }
  const housekeeping = setInterval(housekeep, housekeepingInterval(limits)).unref()
  return Object.freeze({
    '~core': LeaseholdError,
    outcomes,
    locks,
    acquire: (signal?: AbortSignal) => pool.acquire(signal),
    stats: () => pool.stats,
    async close() {
      await pool.close()
      clearInterval(housekeeping)
      // Not awaited: it has a time limit of its own.
      void killer.close()
    },
  })
}

/** A quarter of the shortest limit, between 10 and 1 000 ms. */
function housekeepingInterval({ maxLifetime, idleTimeout, keepalive }: PoolLimits): number {
  return Math.min(1_000, Math.max(10, Math.min(maxLifetime, idleTimeout, keepalive) / 4))
}

async function setUp(connection: MysqlConnection, timeout: number): Promise<MysqlConnection> {
  const late = new Error(`the session was not set up within ${timeout} ms`)
  const timer = setTimeout(() => connection.destroy(late), timeout)
  try {
    await connection.setUp()
    return connection
  } catch (error) {
    connection.destroy(error as Error)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
