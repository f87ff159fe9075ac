export { startServer } from './start-server.ts'
export type { StartServerOptions } from './start-server.ts'
export { uriOf } from './test-server.ts'
export type { ServerAddress, ServerKind, TestServer } from './test-server.ts'
