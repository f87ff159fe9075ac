/** Parses connection uris. */
import { UsageError } from '@leasehold/core'

export interface UriParts {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socketPath?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  readonly ssl?: boolean | undefined
}

const ENCODING = 'encode reserved characters with encodeURIComponent'

/**
 * Parses `mysql://user:password@host:port/database`, with the parameters `ssl` and `socketPath`. No message shows a part of
 * the password.
 *
 * @throws {UsageError} when the uri has another form, an unknown or repeated parameter, or an invalid encoding.
 */
export function parseUri(text: string): UriParts {
  const uri = URL.canParse(text) ? new URL(text) : undefined
  // An unencoded # or / in a password ends the authority, which leaves an @ in the path, or a fragment.
  const cut = uri !== undefined && (uri.hash !== '' || /[@/]/.test(uri.pathname.slice(1)))
  if (uri === undefined || cut || !['mysql:', 'mariadb:'].includes(uri.protocol)) {
    throw new UsageError(
      `uri: expected mysql://user:password@host:port/database, got another form; ${ENCODING}`,
    )
  }
  const { search, searchParams } = uri
  // An unencoded ? in a password begins the parameters, which then hold the @ and the host.
  if (search.includes('@')) {
    throw new UsageError(
      `uri: found an @ after a ?: write %3F or %40 for a ? or @ that is part of a value; ${ENCODING}`,
    )
  }
  const known = ['ssl', 'socketPath']
  const unknown = [...searchParams.keys()].find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new UsageError(
      `uri: expected no parameters but ${known.join(' and ')}, got ${JSON.stringify(unknown)}`,
    )
  }
  const twice = known.find((key) => searchParams.getAll(key).length > 1)
  if (twice !== undefined) throw new UsageError(`uri: the parameter ${twice} occurs more than once`)
  return {
    host: decoded('host', uri.hostname.replace(/^\[|\]$/g, '')),
    port: uri.port === '' ? undefined : Number(uri.port),
    user: decoded('user', uri.username),
    password: decoded('password', uri.password),
    database: decoded('database', uri.pathname.slice(1)),
    socketPath: nonEmpty('socketPath', searchParams.get('socketPath')),
    ssl: booleanOf('ssl', searchParams.get('ssl')),
  }
}

function decoded(name: string, encoded: string): string | undefined {
  if (encoded === '') return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new UsageError(
      `uri: the ${name} has an invalid percent-encoding: write %25 for a literal %; ${ENCODING}, or pass the option ${name}`,
    )
  }
}

function nonEmpty(name: string, text: string | null): string | undefined {
  if (text !== '') return text ?? undefined
  throw new UsageError(`uri: expected a value for ${name}, got none`)
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

function booleanOf(name: string, text: string | null): boolean | undefined {
  if (text === null) return undefined
  const key = text.toLowerCase()
  if (Object.hasOwn(BOOLEANS, key)) return BOOLEANS[key]
  throw new UsageError(
    `uri: expected ${name}=true, 1, false or 0, got ${JSON.stringify(text)}; for certificates, use the option ${name}`,
  )
}
