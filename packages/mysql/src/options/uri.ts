/** Where the server is, and who comes to it, read off a uri. */
import { UsageError } from '@leasehold/core'

export interface Place {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socketPath?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  readonly ssl?: boolean | undefined
}

const ENCODING = 'what means something in a uri is written as encodeURIComponent writes it'

/** Throws a `UsageError` for a uri that says something else than where the server is; none shows a password, or part of one. */
export function parseUri(text: string): Place {
  const uri = URL.canParse(text) ? new URL(text) : undefined
  // A # or a / in a password ends where the server is; the rest of the password and the host come behind it.
  const cut = uri !== undefined && (uri.hash !== '' || /[@/]/.test(uri.pathname.slice(1)))
  if (uri === undefined || cut || !['mysql:', 'mariadb:'].includes(uri.protocol)) {
    throw new UsageError(
      `uri: expected mysql://user:password@host:port/database; ${ENCODING}, which may be missing here`,
    )
  }
  const { search, searchParams } = uri
  // A ? in a password would begin the parameters, with the rest of the password and the host in them.
  if (search.includes('@')) {
    throw new UsageError(
      `uri: there is an @ behind a ?, write %3F or %40 for one that is part of a value; ${ENCODING}`,
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
  if (twice !== undefined) throw new UsageError(`uri: the parameter ${twice} is there more than once`)
  return {
    host: part('host', uri.hostname.replace(/^\[|\]$/g, '')),
    port: uri.port === '' ? undefined : Number(uri.port),
    user: part('user', uri.username),
    password: part('password', uri.password),
    database: part('database', uri.pathname.slice(1)),
    socketPath: filled('socketPath', searchParams.get('socketPath')),
    ssl: switched('ssl', searchParams.get('ssl')),
  }
}

function part(name: string, encoded: string): string | undefined {
  if (encoded === '') return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new UsageError(
      `uri: the ${name} holds a % that begins no percent-encoding, write %25 for it; ${ENCODING}, or the ${name} is ` +
        'given as an option of its own',
    )
  }
}

function filled(name: string, text: string | null): string | undefined {
  if (text !== '') return text ?? undefined
  throw new UsageError(`uri: expected a value for ${name}, got none`)
}

const SWITCH: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

function switched(name: string, text: string | null): boolean | undefined {
  if (text === null) return undefined
  const key = text.toLowerCase()
  if (Object.hasOwn(SWITCH, key)) return SWITCH[key]
  throw new UsageError(
    `uri: expected ${name}=true, 1, false or 0, got ${JSON.stringify(text)}; more can be said by the option ${name}`,
  )
}
