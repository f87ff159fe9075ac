/** What must be as before when all units have ended. */
import type { UnitOfWork } from '@leasehold/core'
import { untilNone, within } from '../../soak/patience.ts'
import { CENTS } from '../stage/schema.ts'
import type { Stage } from '../stage/stage.ts'
import type { Violation } from '../violation.ts'
import type { Reported } from './client.ts'
import type { Oracle } from './oracle.ts'
import { sumsAgainst } from './rows.ts'
import { keyAgainst, marksAgainst } from './verdict.ts'

const PATIENCE = 15_000

export async function lookAround(
  uow: UnitOfWork,
  stage: Stage,
  oracle: Oracle,
  units: readonly number[],
): Promise<Violation[]> {
  const found: Violation[] = []
  const add = (rule: string, seen: readonly string[]): void => {
    for (const one of seen) found.push({ rule, detail: '', seen: one })
  }
  const { leased, waiting } = uow.stats()
  if (leased + waiting > 0) add('pool not at rest', [`${leased} leased, ${waiting} waiting`])
  add('named lock left', await untilNone(PATIENCE, () => namedLocks(oracle, units)))
  if (!(await within(PATIENCE, uow.close()))) add('pool not at rest', ['it does not close'])
  add('session left', await untilNone(PATIENCE, () => sessions(stage, oracle)))
  add('transaction left', await untilNone(PATIENCE, () => transactions(oracle)))
  return found
}

/** Once more, now that no session can end behind our back. */
export async function lookAtLast(reported: readonly Reported[], oracle: Oracle): Promise<Violation[]> {
  const [marks, keyed] = [await oracle.allMarks(), await oracle.keyed()]
  // What is half there shows in sums.
  const wholeOnly = !reported.some(mayBePartlyThere)
  const balance = await unbalanced(reported, oracle)
  const found = balance.map((seen): Violation => ({ rule: 'balance', detail: '', seen }))
  return found.concat(
    reported.flatMap(({ program, report, watch }) => [
      ...watch.atLast(program, report),
      ...(wholeOnly ? sumsAgainst(program, report) : []),
      ...marksAgainst(program, report, marks.get(program.unit) ?? [], 'in the end'),
      ...keyAgainst(program, report, { there: keyed.has(program.unit), marked: marks.has(program.unit) }),
    ]),
  )
}

/** Accounts that don't fit the ledger, but for those of units that may be there in part, and may say so. */
async function unbalanced(reported: readonly Reported[], oracle: Oracle): Promise<string[]> {
  const partly = reported.filter(mayBePartlyThere)
  const moved = partly.flatMap(({ program }) =>
    Array.from(JSON.stringify(program).matchAll(/"(?:from|to)":(\d+)/g)),
  )
  return oracle.unbalanced(CENTS, new Set(moved.map(([, id]) => Number(id))))
}

/** A commit of its own, and then an end that is none: half of what it moved may stay. */
function mayBePartlyThere({ program, report }: Reported): boolean {
  return !report.ok && /"(?:re)?committing"|"control"/.test(JSON.stringify(program))
}

async function sessions(stage: Stage, oracle: Oracle): Promise<string[]> {
  const rows = (await oracle.rows('show processlist')) ?? []
  return rows
    .filter((row) => row['User'] === stage.account)
    .map((row) => `session ${row['Id']}: ${row['Info']}`)
}

async function transactions(oracle: Oracle): Promise<string[]> {
  const own =
    'select trx_mysql_thread_id as id from information_schema.innodb_trx where trx_mysql_thread_id not in (0, connection_id())'
  const rows = (await oracle.rows(own)) ?? []
  return rows.map((row) => `a transaction of session ${row['id']}`)
}

/** Those that units took and that were still held when everybody had given their connections back. */
async function namedLocks(oracle: Oracle, units: readonly number[]): Promise<string[]> {
  const asked = units.map((unit) => `is_used_lock('adversary ${unit}') as u${unit}`)
  const [row] = (asked.length === 0 ? [] : await oracle.rows(`select ${asked.join(', ')}`)) ?? []
  const held = Object.entries(row ?? {}).filter(([, session]) => session !== null)
  return held.map(([unit, session]) => `the lock of ${unit} by session ${String(session)}`)
}
