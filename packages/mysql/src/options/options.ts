/** The options of the driver, and what mysql2 is given for them. */
import { UsageError } from '@leasehold/core'
import type { ConnectionOptions } from 'mysql2'
import type { Bigints } from '../values/bigints.ts'
import type { Datetimes } from '../values/datetimes.ts'
import type { PoolOptions } from './pool-options.ts'
import { tlsOptions } from '../protocol/tls.ts'
import { assertTypes, type OptionTypes } from './option-types.ts'
import { parseUri } from './uri.ts'
import { valueOptions, type ValueSettings } from '../values/exact-rows.ts'
import { milliseconds, wholeNumber } from './whole-numbers.ts'

export interface MysqlDriverOptions {
  /**
   * `mysql://user:password@host:port/database`; may hold `?ssl=true` (or 1, false, 0) and `?socketPath=…`. Options given
   * beside it win. What means something in a uri is percent-encoded, in passwords too.
   */
  readonly uri?: string | undefined
  /** `localhost` unless given. */
  readonly host?: string | undefined
  /** 3306 unless given. */
  readonly port?: number | undefined
  readonly socketPath?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  /**
   * TLS: `true`, or the options of mysql2. The certificate is verified, and that it was made for the host, name or
   * address, unless told otherwise.
   */
  readonly ssl?: boolean | Exclude<ConnectionOptions['ssl'], string | undefined> | undefined
  /** The protocol's compression. It excludes flights: statements then travel one at a time. */
  readonly compress?: boolean | undefined
  /** Milliseconds that connecting and authenticating may take; 10 000 unless given. */
  readonly connectTimeout?: number | undefined
  readonly pool?: PoolOptions | undefined
  /**
   * Whether statements travel together. Unless given, the first connection finds out whether the way to the server
   * allows for it; some proxies don't.
   */
  readonly pipeline?: boolean | undefined
  /**
   * How many statements each session keeps prepared, once it has been sent their text twice, without a round trip for it;
   * 256 unless given, 0 for none. All sessions together must keep below the server's `max_prepared_stmt_count`.
   */
  readonly preparedStatements?: number | undefined
  /** How BIGINT columns arrive, and large integers in JSON; `number` unless given. */
  readonly bigints?: Bigints | undefined
  /** How DATETIME and TIMESTAMP columns arrive; `date` unless given. */
  readonly datetimes?: Datetimes | undefined
  /** Whether errors carry the values bound to a statement; they don't unless asked, since errors end in logs. */
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

/** mysql2's options. Throws a `UsageError` for a uri or an option that makes no sense. */
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
    // Several statements in one text and the server's right to ask for files are no use here, only a danger.
    // IGNORE_SPACE would be set for fresh sessions and not for those that were reset.
    // Query attributes would be two bytes before each statement, to say that there are none.
    flags: ['-MULTI_STATEMENTS', '-LOCAL_FILES', '-IGNORE_SPACE', '-CLIENT_QUERY_ATTRIBUTES'],
    charset: 'utf8mb4',
    ...valueOptions(valueSettings(options)),
  }
}

/** How values arrive, with the defaults. Throws a `UsageError` for what is no way to arrive. */
export function valueSettings({ bigints = 'number', datetimes = 'date' }: MysqlDriverOptions): ValueSettings {
  oneOf('bigints', bigints, ['number', 'bigint', 'string'])
  oneOf('datetimes', datetimes, ['date', 'string'])
  return { bigints, datetimes }
}

/** The number of statements to keep prepared. Throws a `UsageError` for what is none. */
export function preparedStatements({ preparedStatements: count = 256 }: MysqlDriverOptions): number {
  return wholeNumber('preparedStatements', count)
}

function oneOf<K extends string>(option: string, value: K, known: readonly K[]): void {
  if (known.includes(value)) return
  throw new UsageError(`${option}: expected one of '${known.join("', '")}', got '${value}'`)
}

/** Without what is there as undefined, which would take the place of something else. */
function given(options: MysqlDriverOptions): MysqlDriverOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
