/** Runs all tests, or those that the arguments select for vitest; the last line is the total. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTotals, totalsFileVariable } from './totals.ts'

const folder = mkdtempSync(join(tmpdir(), 'leasehold-test-run-'))
const totalsFile = join(folder, 'totals.json')
try {
  process.exitCode = runTests(process.argv.slice(2))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function runTests(args: readonly string[]): number {
  const configuration = join(import.meta.dirname, '../../vitest.config.ts')
  const reporter = join(import.meta.dirname, 'totals-reporter.ts')
  const { status } = spawnSync(
    'vitest',
    ['run', `--config=${configuration}`, '--reporter=default', `--reporter=${reporter}`, ...args],
    { stdio: 'inherit', env: { ...process.env, [totalsFileVariable]: totalsFile } },
  )
  const { passed, failed } = readTotals(totalsFile)
  // No tests, or an end that no test accounts for, such as a crash of the runner, is a failure of its own.
  const unaccounted = failed === 0 && (passed === 0 || status !== 0) ? 1 : 0
  console.log(`${passed} passed, ${failed + unaccounted} failed`)
  return failed + unaccounted === 0 ? 0 : 1
}
