/** Checks the packages as they will be published: what `pnpm pack` makes of them, not the working folder. */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build, type Format } from 'esbuild'
import { createConnection } from 'mysql2/promise'
import { createDatabase } from '../database.ts'
import { startServer } from '../server/index.ts'
import { provideRuntimes } from '../bootstrap/toolchain.mjs'

const root = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'leasehold-pack-'))
const modules = join(folder, 'node_modules')
const service = join(folder, 'service.mjs')

try {
  for (const name of ['core', 'mysql']) {
    check('pnpm', ['pack', '--pack-destination', folder], join(root, 'packages', name))
  }
  for (const tarball of readdirSync(folder)) {
    check('publint', ['run', '--strict', join(folder, tarball)], root)
    check('attw', ['--profile', 'esm-only', join(folder, tarball)], root)
    install(tarball)
  }
  for (const dependency of ['kysely', 'mysql2', 'sql-escaper']) {
    symlinkSync(join(root, 'packages/mysql/node_modules', dependency), join(modules, dependency))
  }
  // Without one, Deno takes the packages for something to be downloaded.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  copyFileSync(join(import.meta.dirname, 'service.mjs'), service)
  await runService()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Puts a package where it would be installed. */
function install(tarball: string): void {
  const name = /^leasehold-([a-z]+)-/.exec(tarball)?.[1] ?? ''
  const place = join(modules, '@leasehold', name)
  mkdirSync(place, { recursive: true })
  check('tar', ['--extract', '--strip-components=1', '--file', join(folder, tarball)], place)
}

/** As it is, on each runtime, and made one file by esbuild, in each format. */
async function runService(): Promise<void> {
  const server = await startServer({ kind: 'mariadb' })
  try {
    const { uri, name } = await createDatabase(server)
    const { host, port, user, password } = server
    const connection = await createConnection({ host, port, user, password, database: name })
    await connection.query('create table somewhere (id int primary key)')
    await connection.end()
    const { bun, deno } = await provideRuntimes(join(root, '.cache/toolchain'))
    check(process.execPath, [service, uri], folder)
    check(bun, [service, uri], folder)
    check(deno, ['run', '--allow-all', service, uri], folder)
    for (const format of ['esm', 'cjs'] as const) check(process.execPath, [await bundle(format), uri], folder)
  } finally {
    await server.stop()
  }
}

/** Has esbuild make one file of the service. */
async function bundle(format: Format): Promise<string> {
  const outfile = join(folder, format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs')
  // What is CommonJS itself asks for the modules of Node by a function that ESM has not.
  const js = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  await build({
    entryPoints: [service],
    bundle: true,
    platform: 'node',
    format,
    outfile,
    logLevel: 'error',
    ...(format === 'esm' ? { banner: { js } } : {}),
  })
  return outfile
}

function check(file: string, args: string[], cwd: string): void {
  const { status } = spawnSync(file, args, { cwd, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
