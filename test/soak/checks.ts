import type { DriverStats } from '@leasehold/core'
import type { ConditionResult } from '../../examples/order-desk/consistency.ts'
import { failuresOf, type Tallies, type Tally } from './tally.ts'

export interface Check {
  readonly name: string
  /** What speaks against it; it passes if nothing does. */
  readonly found: readonly string[]
}

export function conditionChecks(conditions: readonly ConditionResult[]): Check[] {
  return conditions.map(({ condition, meaning, holds }) => ({
    name: `TPC-C condition ${condition}`,
    found: holds ? [] : [`it does not hold: ${meaning}`],
  }))
}

/** Of a pool that nobody uses any more, but that is not closed yet. */
export function poolCheck({ leased, waiting, open }: DriverStats, max: number): Check {
  return {
    name: 'the pool is at rest when all units have ended',
    found: [
      ...(leased === 0 ? [] : [`${leased} connections are leased`]),
      ...(waiting === 0 ? [] : [`${waiting} units wait for a lease`]),
      ...(open <= max ? [] : [`${open} connections are open, of ${max} at most`]),
    ],
  }
}

const consequences = new Set([
  'AcquireError connect',
  'AcquireError timeout',
  'CommitUnknownError',
  'ConnectionLostError',
  'DeadlineError',
  'StatementError conflict',
  'StatementError deadlock',
  'StatementError killed',
])

/** Faults make units fail, but only in ways that tell of a fault. */
export function failureCheck(tallies: Tallies): Check {
  const others = Object.entries(failuresOf(tallies)).filter(([name]) => !consequences.has(name))
  return {
    name: 'units fail for the faults only',
    found: others.map(([name, count]) => `${count} × ${name}`),
  }
}

/** Every committed unit has left its one row, one that failed has not, and of those unknown nobody can say. */
export function rowCheck(table: string, added: number, tally: Tally): Check {
  const least = tally.committed
  const most = tally.committed + (tally.failed['CommitUnknownError'] ?? 0)
  return {
    name: `${table} has the rows of the committed units`,
    found: added >= least && added <= most ? [] : [`expected ${least} to ${most} rows more, got ${added}`],
  }
}

export function recoveryCheck({ crashes, recovered }: { crashes: number; recovered: number }): Check {
  return {
    name: 'units are committed again after each crash',
    found: crashes === recovered ? [] : [`${crashes} crashes, ${recovered} recoveries`],
  }
}
