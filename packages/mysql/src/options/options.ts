/** Options of the driver, and their translation to those of mysql2. */
import { UsageError } from '@leasehold/core'
import type { ConnectionOptions } from 'mysql2'
import type { Bigints } from '../values/bigints.ts'
import type { Datetimes } from '../values/datetimes.ts'
import type { PoolOptions } from './pool-options.ts'
import { tlsOptions } from '../protocol/tls.ts'
import { assertTypes, type OptionTypes } from './option-types.ts'
import { parseUri } from './uri.ts'
import { valueOptions, type ValueSettings } from '../values/decode-rows.ts'
import { milliseconds, wholeNumber } from './whole-numbers.ts'

export interface MysqlDriverOptions {
  /**
   * Address and account: `mysql://user:password@host:port/database`, with the parameters `?ssl=true` (or 1, false, 0) and
   * `?socketPath=…`. Other options override its parts. Percent-encode reserved characters, also in the password.
   */
  readonly uri?: string | undefined
  /** Name or address of the server. Default: `localhost`. */
  readonly host?: string | undefined
  /** TCP port, from 1 to 65 535. Default: 3306. */
  readonly port?: number | undefined
  /** Unix domain socket, in place of `host` and `port`. Default: none. */
  readonly socketPath?: string | undefined
  /** Account to log in with. Default: none. */
  readonly user?: string | undefined
  /** Password of the account. Default: none. */
  readonly password?: string | undefined
  /** Schema of the tables that statements name without one. Default: none. */
  readonly database?: string | undefined
  /**
   * TLS: `true`, or the TLS options of mysql2. Unless these say otherwise, the driver verifies the certificate and that it
   * was issued for the host name or address. Default: no TLS.
   */
  readonly ssl?: boolean | Exclude<ConnectionOptions['ssl'], string | undefined> | undefined
  /** Compression of the protocol. It excludes flights: statements then travel one at a time. Default: false. */
  readonly compress?: boolean | undefined
  /** Limit in milliseconds for connecting and authenticating, from 1. Default: 10 000. */
  readonly connectTimeout?: number | undefined
  /** Size of the pool and lifetimes of its connections. Default: those of {@link PoolOptions}. */
  readonly pool?: PoolOptions | undefined
  /**
   * Whether statements travel together. Default: connections find out in their setup whether the path to the server supports
   * it, since some proxies do not.
   */
  readonly pipeline?: boolean | undefined
  /**
   * Number of statements that each session keeps prepared; 0 turns it off. A text is prepared after its second use, without
   * a round trip. All sessions together must stay below the server's `max_prepared_stmt_count`. Default: 256.
   */
  readonly preparedStatements?: number | undefined
  /** Type of BIGINT columns, and of large integers in JSON. Default: `number`. */
  readonly bigints?: Bigints | undefined
  /** Type of DATETIME and TIMESTAMP columns. Default: `date`. */
  readonly datetimes?: Datetimes | undefined
  /** Whether a `StatementError` has the values bound to its statement. Default: false, since errors end up in logs. */
  readonly exposeParameters?: boolean | undefined
}

const TYPES: OptionTypes<MysqlDriverOptions> = {
  uri: 'string',
  host: 'string',
  port: 'number',
  socketPath: 'string',
  user: 'string',
  password: 'string',
  database: 'string',
  ssl: 'checked',
  compress: 'boolean',
  connectTimeout: 'number',
  pool: 'object',
  pipeline: 'boolean',
  preparedStatements: 'number',
  bigints: 'string',
  datetimes: 'string',
  exposeParameters: 'boolean',
}

/**
 * Translates the options to those of mysql2.
 *
 * @throws {UsageError} when the uri or an option is invalid.
 */
export function connectionOptions(options: MysqlDriverOptions): ConnectionOptions {
  assertTypes('', options, TYPES)
  const { host, port, socketPath, user, password, database, ssl, compress } = {
    ...(options.uri === undefined ? {} : parseUri(options.uri)),
    ...given(options),
  }
  if (port !== undefined) wholeNumber('port', port, 1, 65_535)
  const tls = tlsOptions(ssl, host)
  const server = Object.entries({ host, port, socketPath, user, password, database, compress })
  return {
    ...Object.fromEntries(server.filter(([, value]) => value !== undefined)),
    ...(tls === undefined ? {} : { ssl: tls }),
    connectTimeout: milliseconds('connectTimeout', options.connectTimeout ?? 10_000, 1),
    // MULTI_STATEMENTS and LOCAL_FILES help injection and file theft, and Leasehold needs neither.
    // IGNORE_SPACE would hold for fresh sessions only: a reset drops it.
    // CLIENT_QUERY_ATTRIBUTES would prefix each statement with two bytes for no attributes.
    flags: ['-MULTI_STATEMENTS', '-LOCAL_FILES', '-IGNORE_SPACE', '-CLIENT_QUERY_ATTRIBUTES'],
    charset: 'utf8mb4',
    ...valueOptions(valueSettings(options)),
  }
}

/**
 * The value settings, with defaults.
 *
 * @throws {UsageError} when `bigints` or `datetimes` is none of its values.
 */
export function valueSettings({ bigints = 'number', datetimes = 'date' }: MysqlDriverOptions): ValueSettings {
  oneOf('bigints', bigints, ['number', 'bigint', 'string'])
  oneOf('datetimes', datetimes, ['date', 'string'])
  return { bigints, datetimes }
}

/**
 * Number of statements to keep prepared, 256 by default.
 *
 * @throws {UsageError} when it is no whole number from 0.
 */
export function preparedStatements({ preparedStatements: count = 256 }: MysqlDriverOptions): number {
  return wholeNumber('preparedStatements', count)
}

function oneOf<K extends string>(option: string, value: K, known: readonly K[]): void {
  if (known.includes(value)) return
  throw new UsageError(`${option}: expected one of '${known.join("', '")}', got '${value}'`)
}

/** Drops options that are `undefined`, which would override parts of the uri. */
function given(options: MysqlDriverOptions): MysqlDriverOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
