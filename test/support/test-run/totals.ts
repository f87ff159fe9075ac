import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** How the reporter, which runs inside vitest, learns where to leave the totals. */
export const totalsFileVariable = 'LEASEHOLD_TEST_TOTALS'

export interface Totals {
  readonly passed: number
  readonly failed: number
}

export function writeTotals(file: string, totals: Totals): void {
  writeFileSync(file, JSON.stringify(totals))
}

export function readTotals(file: string): Totals {
  if (!existsSync(file)) return { passed: 0, failed: 0 }
  return JSON.parse(readFileSync(file, 'utf8')) as Totals
}
