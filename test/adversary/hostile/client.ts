/** One of many who run their programs one after the other, each looked at as soon as it has reported. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AcquireError, type UnitOfWork } from '@leasehold/core'
import { within } from '../../soak/patience.ts'
import type { Program } from '../program/step.ts'
import { runUnit } from '../run-unit.ts'
import type { Violation } from '../violation.ts'
import type { Oracle } from './oracle.ts'
import { rowsAgainst } from './rows.ts'
import { UnitWatch } from './unit-watch.ts'
import { marksAgainst, nameOf, type Report, tell, unexpected } from './verdict.ts'

export interface Reported {
  readonly program: Program
  readonly report: Report
  readonly watch: UnitWatch
}

export interface Ground {
  readonly uow: UnitOfWork
  readonly oracle: Oracle
  readonly runId: string
  /** Whether there are any in this round. */
  readonly faults: boolean
  /** In milliseconds of `performance.now()`: no program is begun afterwards. */
  readonly end: number
  readonly violations: Violation[]
  readonly count: (outcome: string) => void
}

/** Waiting for a lease, for locks, for a server that comes back: with all of it nothing takes longer. */
const PATIENCE = 40_000

/** What only a fault can bring about. */
const BROKEN: ReadonlySet<string> = new Set([
  'CommitUnknownError',
  'ConnectionLostError',
  'AcquireError connect',
])

export async function runClient(programs: readonly Program[], ground: Ground): Promise<Reported[]> {
  const { uow, oracle, runId, faults, end, violations, count } = ground
  const reported: Reported[] = []
  for (const program of programs) {
    if (performance.now() > end) break
    const watch = new UnitWatch(oracle)
    const running = reportOf(() => runUnit(uow, program, watch, runId))
    if (!(await within(PATIENCE, running))) {
      violations.push({
        rule: 'hangs',
        detail: program.form,
        program,
        seen: `no report after ${PATIENCE / 1000} s`,
      })
      return reported
    }
    const report = await running
    reported.push({ program, report, watch })
    count(report.ok ? 'committed' : nameOf(report))
    violations.push(
      ...watch.against(program, report),
      ...unexpected(program, report),
      ...rowsAgainst(program, report),
    )
    if (!faults && BROKEN.has(nameOf(report))) {
      violations.push({ rule: 'nothing to blame', detail: nameOf(report), program, seen: tell(report) })
    }
    const found = await oracle.marks(program.unit)
    if (found !== undefined) violations.push(...marksAgainst(program, report, found, 'when it reported'))
    if (!report.ok && report.error instanceof AcquireError) await sleep(20)
  }
  return reported
}

async function reportOf(run: () => Promise<unknown>): Promise<Report> {
  try {
    return { ok: true, value: await run() }
  } catch (error) {
    return { ok: false, error }
  }
}
