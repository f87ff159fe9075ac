import type { Check } from './checks.ts'
import { failuresOf, type Tallies } from './tally.ts'
import type { Recovery } from './recovery.ts'

export interface Report {
  /** As in "mariadb 10.11.6-MariaDB". */
  readonly server: string
  readonly seconds: number
  /** With the same one, clients and faults make the same choices, if not at the same moments. */
  readonly seed: number
  readonly transactions: Tallies
  readonly faults: Readonly<Record<string, number>>
  /** In milliseconds. */
  readonly recovery: Recovery['summary']
  readonly checks: readonly Check[]
}

export function failedChecks({ checks }: Report): string[] {
  return checks.flatMap(({ name, found }) => found.map((what) => `FAILED  ${name}: ${what}`))
}

export function describe(report: Report): string {
  const { server, seconds, transactions, faults, recovery, checks } = report
  const failed = failedChecks(report)
  return [
    `${server}, ${seconds} s`,
    ...Object.entries(transactions).map(
      ([name, { committed, rolledBack, failed }]) =>
        `  ${name.padEnd(13)} ${String(committed).padStart(7)} committed, ${rolledBack} rolled back, ${sum(failed)} failed`,
    ),
    `failures: ${list(failuresOf(transactions))}`,
    `faults: ${list(faults)}`,
    `recovery after ${recovery.crashes} crashes: p50 ${recovery.p50} ms, max ${recovery.max} ms`,
    ...(failed.length === 0 ? [`all ${checks.length} checks hold`] : failed),
  ].join('\n')
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function list(counts: Readonly<Record<string, number>>): string {
  return (
    Object.entries(counts)
      .map(([name, count]) => `${name} × ${count}`)
      .join(', ') || 'none'
  )
}
