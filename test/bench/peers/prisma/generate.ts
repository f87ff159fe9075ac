/** Makes Prisma's client from the schema, after every installation. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const folder = dirname(createRequire(import.meta.url).resolve('prisma/package.json'))

execFileSync(process.execPath, [join(folder, 'build/index.js'), 'generate', '--schema', 'schema.prisma'], {
  cwd: import.meta.dirname,
  env: {
    ...process.env,
    // The engine for migrations, which generating has no use for, would be downloaded unless there is a program for it.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
})
