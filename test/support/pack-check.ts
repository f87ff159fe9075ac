/** Checks the packages as they will be published: what `pnpm pack` makes of them, not the working folder. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const tarballs = mkdtempSync(join(tmpdir(), 'leasehold-pack-'))
try {
  for (const name of ['core', 'mysql']) {
    check('pnpm', ['pack', '--pack-destination', tarballs], join(root, 'packages', name))
  }
  for (const tarball of readdirSync(tarballs)) {
    check('publint', ['run', '--strict', join(tarballs, tarball)], root)
    check('attw', ['--profile', 'esm-only', join(tarballs, tarball)], root)
  }
} finally {
  rmSync(tarballs, { recursive: true, force: true })
}

function check(file: string, args: string[], cwd: string): void {
  const { status } = spawnSync(file, args, { cwd, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
