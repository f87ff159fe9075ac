/** The options of the driver, and what mysql2 is given for them. */
import { UsageError } from '@leasehold/core'
import type { ConnectionOptions } from 'mysql2'
import type { Bigints } from './bigints.ts'
import type { Datetimes } from './datetimes.ts'
import type { PoolOptions } from './pool-options.ts'
import { valueOptions, type ValueSettings } from './values.ts'

export interface MysqlDriverOptions {
  /** `mysql://user:password@host:port/database`; may hold `?ssl=true` and `?socketPath=…`. Options given beside it win. */
  readonly uri?: string
  /** `localhost` unless given. */
  readonly host?: string
  /** 3306 unless given. */
  readonly port?: number
  readonly socketPath?: string
  readonly user?: string
  readonly password?: string
  readonly database?: string
  /** TLS: `true`, or the options of mysql2. The certificate and the host's name are verified unless told otherwise. */
  readonly ssl?: boolean | Exclude<ConnectionOptions['ssl'], string | undefined>
  /** The protocol's compression. It excludes flights: statements then travel one at a time. */
  readonly compress?: boolean
  /** Milliseconds that connecting and authenticating may take; 10 000 unless given. */
  readonly connectTimeout?: number
  readonly pool?: PoolOptions
  /**
   * Whether statements travel together. Unless given, the first connection finds out whether the way to the server
   * allows for it; some proxies don't.
   */
  readonly pipeline?: boolean
  /**
   * How many statements each session keeps prepared, once it has been sent their text twice, without a round trip for it;
   * 256 unless given, 0 for none. All sessions together must keep below the server's `max_prepared_stmt_count`.
   */
  readonly preparedStatements?: number
  /** How BIGINT columns arrive, and large integers in JSON; `number` unless given. */
  readonly bigints?: Bigints
  /** How DATETIME and TIMESTAMP columns arrive; `date` unless given. */
  readonly datetimes?: Datetimes
  /** Whether errors carry the values bound to a statement; they don't unless asked, since errors end in logs. */
  readonly exposeParameters?: boolean
}

/** mysql2's options. Throws a `UsageError` for a uri that says something else than where the server is. */
export function connectionOptions(options: MysqlDriverOptions): ConnectionOptions {
  const { host, port, socketPath, user, password, database, ssl, compress } = {
    ...(options.uri === undefined ? {} : parseUri(options.uri)),
    ...options,
  }
  const server = Object.entries({ host, port, socketPath, user, password, database, compress })
  return {
    ...Object.fromEntries(server.filter(([, value]) => value !== undefined)),
    ...(ssl === undefined || ssl === false
      ? {}
      : { ssl: { verifyIdentity: true, ...(ssl === true ? {} : ssl) } }),
    connectTimeout: options.connectTimeout ?? 10_000,
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
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new UsageError(`preparedStatements: expected a whole number from 0, got ${count}`)
}

function oneOf<K extends string>(option: string, value: K, known: readonly K[]): void {
  if (known.includes(value)) return
  throw new UsageError(`${option}: expected one of '${known.join("', '")}', got '${value}'`)
}

function parseUri(text: string): MysqlDriverOptions {
  const uri = URL.canParse(text) ? new URL(text) : undefined
  if (uri === undefined || !['mysql:', 'mariadb:'].includes(uri.protocol)) {
    throw new UsageError('uri: expected mysql://user:password@host:port/database')
  }
  const known = { ssl: uri.searchParams.get('ssl'), socketPath: uri.searchParams.get('socketPath') }
  const unknown = [...uri.searchParams.keys()].find((key) => !Object.hasOwn(known, key))
  if (unknown !== undefined) {
    throw new UsageError(`uri: unknown parameter ${unknown}; it may hold ${Object.keys(known).join(' and ')}`)
  }
  const found = {
    host: part(uri.hostname.replace(/^\[|\]$/g, '')),
    port: uri.port === '' ? undefined : Number(uri.port),
    user: part(uri.username),
    password: part(uri.password),
    database: part(uri.pathname.slice(1)),
    socketPath: known.socketPath ?? undefined,
    ssl: known.ssl === null ? undefined : known.ssl === 'true',
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

function part(encoded: string): string | undefined {
  return encoded === '' ? undefined : decodeURIComponent(encoded)
}
