import { resolve } from 'node:path'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import type { ServerKind } from './support/server/index.ts'

// Which servers the database tests run against. For a quick look while working: LEASEHOLD_SERVERS=mariadb
const servers = (process.env['LEASEHOLD_SERVERS'] ?? 'mariadb,mysql').split(',')

// Files that are not exported, for tests of pure functions.
const alias = { '#core': resolve(import.meta.dirname, '../packages/core/src') }

export default defineConfig({
  root: resolve(import.meta.dirname, '..'),
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'core',
          include: ['core', 'package', 'support-tests', 'bench/test'].map(
            (folder) => `test/${folder}/**/*.test.ts`,
          ),
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
          },
        },
      },
      ...servers.map((kind) =>
        withServer(kind, kind, ['test/mysql/**/*.test.ts', 'test/faults/**/*.test.ts']),
      ),
      { test: { name: 'galera', include: ['test/galera/**/*.test.ts'] } },
      withServer('order-desk', 'mariadb', ['examples/order-desk/**/*.test.ts']),
    ],
    maxWorkers: 2,
    // Long enough for a server to start, short enough for a hang to be noticed.
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})

function withServer(name: string, serverKind: string, include: string[]): TestProjectInlineConfiguration {
  if (!isServerKind(serverKind)) {
    throw new Error(`LEASEHOLD_SERVERS: expected mariadb, mysql or both with a comma, got "${serverKind}"`)
  }
  return {
    resolve: { alias },
    test: {
      name,
      include,
      provide: { serverKind },
      globalSetup: resolve(import.meta.dirname, 'support/vitest/server-setup.ts'),
    },
  }
}

function isServerKind(kind: string): kind is ServerKind {
  return kind === 'mariadb' || kind === 'mysql'
}
