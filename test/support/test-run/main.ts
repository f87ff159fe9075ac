/** Runs all tests, or those that the arguments select for vitest; the last line is the total. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTotals, totalsFileVariable } from './totals.ts'

/** A test that never gives the processor back cannot be timed out from within. */
const patienceMs = 15 * 60_000

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
  const { status, signal } = spawnSync(
    'vitest',
    ['run', `--config=${configuration}`, '--reporter=default', `--reporter=${reporter}`, ...args],
    {
      stdio: 'inherit',
      timeout: patienceMs,
      killSignal: 'SIGKILL',
      env: { ...process.env, [totalsFileVariable]: totalsFile },
    },
  )
  if (signal === 'SIGKILL')
    console.error(`vitest was killed: expected it to end within ${patienceMs / 60_000} minutes`)
  const { passed, failed } = readTotals(totalsFile)
  // No tests, or an end that no test accounts for, such as a crash of the runner, is a failure of its own.
  const unaccounted = failed === 0 && (passed === 0 || status !== 0) ? 1 : 0
  console.log(`${passed} passed, ${failed + unaccounted} failed`)
  return failed + unaccounted === 0 ? 0 : 1
}
