/** Checks the packages as they will be published: what `pnpm pack` makes of them, not the working folder. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build, type Format } from 'esbuild'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'leasehold-pack-'))
const modules = join(folder, 'node_modules')

/** What a service would bundle; development mode watches for unused queries. */
const SERVICE = `
import { createUnitOfWork, many } from '@leasehold/core'
import { RecordingDriver } from '@leasehold/core/testing'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'

const db = mysqlBuilder()
const uow = createUnitOfWork({ driver: new RecordingDriver({ answers: () => [{ id: 1 }] }), warnUnused: true })
uow.run(many(db.selectFrom('a').selectAll())).then(async (rows) => {
  await mysqlDriver({ host: 'localhost' }).close()
  if (rows[0].id !== 1) throw new Error('got ' + JSON.stringify(rows))
})
`

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
  for (const format of ['esm', 'cjs'] as const) await bundle(format)
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

/** Has esbuild make one file of a service, and runs it. */
async function bundle(format: Format): Promise<void> {
  const service = join(folder, 'service.mjs')
  writeFileSync(service, SERVICE)
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
  check(process.execPath, [outfile], folder)
}

function check(file: string, args: string[], cwd: string): void {
  const { status } = spawnSync(file, args, { cwd, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
