import { connectToExternalServer } from './external-server.ts'
import { findProgram } from './find-program.ts'
import { launch } from './launch.ts'
import type { ServerKind, TestServer } from './test-server.ts'

export interface StartServerOptions {
  /** Without a kind: the server at DATABASE_URL, else the first kind this machine has. */
  readonly kind?: ServerKind
  /** Whether a commit waits for the disk. Costs time; only crash tests and honest latency figures need it. */
  readonly durable?: boolean
  readonly log?: (line: string) => void
  /** Further command-line options of the server. */
  readonly args?: readonly string[]
}

/** Starts a throw-away server that ends with this process, however this process ends. */
export async function startServer(options: StartServerOptions = {}): Promise<TestServer> {
  const { kind, durable = false, log = () => {}, args = [] } = options
  const url = process.env['DATABASE_URL']
  if (kind === undefined && url !== undefined && url !== '') return connectToExternalServer(url)

  const program = await findProgram(kind, log)
  log(`starting ${program.kind === 'mariadb' ? 'MariaDB' : 'MySQL'} ${program.version} …`)
  return launch(program, { durable, args })
}
