export type ServerKind = 'mariadb' | 'mysql'

/** What a test process needs to reach a server that another process started. Survives structured cloning. */
export interface ServerAddress {
  readonly kind: ServerKind
  /** As the server tells it, without the packager's suffix: "10.11.19-MariaDB", "9.7.1". */
  readonly version: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export interface TestServer extends ServerAddress {
  /** False when the server came from DATABASE_URL and outlives this process. */
  readonly embedded: boolean
  uri(database?: string): string
  /** Of an embedded server; another one after a crash. */
  processId(): Promise<number | undefined>
  /**
   * Kills the server, as a failing machine would, and starts it again on the same data and port; resolves when it
   * accepts logins. Only a durable server keeps all that was committed, and only an embedded one can be killed.
   */
  crash(): Promise<void>
  /** Ends the server and removes its files. Safe to call more than once. */
  stop(): Promise<void>
}

export function uriOf(server: ServerAddress, database = ''): string {
  const credentials = `${encodeURIComponent(server.user)}:${encodeURIComponent(server.password)}`
  return `mysql://${credentials}@${server.host}:${server.port}/${encodeURIComponent(database)}`
}
