import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { type ServerAddress, type TestServer, uriOf } from './test-server.ts'

/** A server somebody else runs: used as it is, never stopped. */
export async function connectToExternalServer(url: string): Promise<TestServer> {
  const { protocol, hostname, port, username, password } = parseUrl(url)
  if (protocol !== 'mysql:' && protocol !== 'mariadb:') {
    throw new Error(`DATABASE_URL: expected mysql://user:password@host:port, got the protocol "${protocol}"`)
  }
  const login = {
    host: hostname,
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const version = await askVersion(login)
  const address: ServerAddress = { kind: /mariadb/i.test(version) ? 'mariadb' : 'mysql', version, ...login }
  return {
    ...address,
    embedded: false,
    uri: (database) => uriOf(address, database),
    processId: async () => undefined,
    crash: () => Promise.reject(new Error('the server at DATABASE_URL belongs to somebody else')),
    stop: async () => {},
  }
}

function parseUrl(url: string): URL {
  try {
    return new URL(url)
  } catch {
    // The text may hold a password, so it is not repeated.
    throw new Error('DATABASE_URL: expected mysql://user:password@host:port, got something that is not a URL')
  }
}

async function askVersion(login: {
  host: string
  port: number
  user: string
  password: string
}): Promise<string> {
  const connection = await createConnection(login).catch((cause: unknown) => {
    throw new Error(`DATABASE_URL: no connection to ${login.host}:${login.port} as ${login.user}`, { cause })
  })
  try {
    const [rows] = await connection.query<RowDataPacket[]>('select version() as version')
    return String(rows[0]?.['version'])
  } finally {
    await connection.end()
  }
}
