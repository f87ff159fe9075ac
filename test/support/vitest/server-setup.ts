import type { TestProject } from 'vitest/node'
import { type ServerAddress, type ServerKind, startServer } from '../server/index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Set in the configuration: which server the project's tests want. */
    serverKind: ServerKind
    /** The server that is up while the project's tests run. */
    server: ServerAddress
  }
}

/** One server for all test files of a project; each file makes a database of its own on it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({
    kind: project.getProvidedContext().serverKind,
    log: (line) => {
      project.vitest.logger.log(`${project.name}: ${line}`)
    },
  })
  const { kind, version, host, port, user, password } = server
  project.provide('server', { kind, version, host, port, user, password })
  return () => server.stop()
}
