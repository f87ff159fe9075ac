/** The driver: a pool of sessions that are set up to carry flights. */
import type { Driver } from '@leasehold/core'
import { type ConnectionSettings, type Home, MysqlConnection } from './connection.ts'
import { Killer } from './killer.ts'
import { connectionOptions, type MysqlDriverOptions, preparedStatements, valueSettings } from './options.ts'
import { outcomes } from './outcome.ts'
import { Wire } from './pipeline.ts'
import { Pool } from './pool.ts'
import { type PoolOptions, poolOptions } from './pool-options.ts'

/** Milliseconds in which two statements sent together must be answered for flights to be used. */
const PROBE_TIMEOUT = 2_000

/** Leases connections to a MySQL (8.4 or newer) or MariaDB (10.6 or newer) server; opens none before the first unit. */
export function mysqlDriver(options: MysqlDriverOptions): Driver {
  const mysql2Options = connectionOptions(options)
  const settings: ConnectionSettings = {
    values: valueSettings(options),
    exposeParameters: options.exposeParameters ?? false,
    preparedStatements: preparedStatements(options),
  }
  /** Known from the start, or from the first connection on. */
  let pipelining = options.pipeline

  async function connect(home: Home, pipelined: boolean): Promise<MysqlConnection> {
    // mysql2 keeps what the server told it on the options, so each connection has its own.
    const wire = await Wire.connect({ ...mysql2Options })
    const connection = new MysqlConnection(wire, {
      pipelining: pipelined && !wire.compressed,
      settings,
      home,
    })
    wire.whenLost(() => pool.lost(connection))
    return connection
  }

  async function open(home: Home): Promise<MysqlConnection> {
    const timeout = mysql2Options.connectTimeout ?? PROBE_TIMEOUT
    const connection = await connect(home, pipelining ?? true)
    if (pipelining !== undefined) return setUp(connection, timeout)
    try {
      await setUp(connection, Math.min(timeout, PROBE_TIMEOUT))
      pipelining = true
      return connection
    } catch {
      const serial = await setUp(await connect(home, false), timeout)
      warnOnce()
      return serial
    }
  }

  function warnOnce(): void {
    if (pipelining !== undefined) return
    pipelining = false
    process.emitWarning(
      'two statements sent together were not both answered, so the server or a proxy before it takes them one at a ' +
        'time only; units will be slower. Set the option pipeline to false to skip the test',
      { type: 'LeaseholdPipelineWarning' },
    )
  }

  const killer = new Killer(mysql2Options)
  const limits = poolOptions(options.pool)
  const pool = new Pool(
    {
      open,
      kill: (session) => killer.kill(session),
      interrupt: (session) => killer.interrupt(session),
      reserve: () => killer.reserve(),
      giveWay: () => killer.giveWay(),
      rest: () => killer.rest(),
    },
    limits,
  )
  const tend = (): void => {
    pool.tend(performance.now())
    killer.tend(performance.now(), limits.keepalive)
  }
  const upkeep = setInterval(tend, upkeepInterval(limits)).unref()
  return Object.freeze({
    outcomes,
    acquire: (signal?: AbortSignal) => pool.acquire(signal),
    stats: () => pool.stats,
    async close() {
      await pool.close()
      clearInterval(upkeep)
      // Not waited for: it is bounded by a limit of its own.
      void killer.close()
    },
  })
}

/** Often enough for the shortest of the limits, and no more than needed. */
function upkeepInterval({ maxLifetime, idleTimeout, keepalive }: Required<PoolOptions>): number {
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
