/** Without faults: the same program in every way, and by the reference, must come to the same. */
import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import type { Connection } from 'mysql2/promise'
import type { Program } from '../program/step.ts'
import { runUnit } from '../run-unit.ts'
import { NO_WATCHER } from '../watcher.ts'
import type { Stage } from '../stage/stage.ts'
import type { Violation } from '../violation.ts'
import { errorOf } from './mismatch.ts'
import { runNaively } from './naive.ts'

const WAYS: Readonly<Record<string, Partial<MysqlDriverOptions>>> = {
  'pipelined, prepared': { pipeline: true },
  'pipelined, text': { pipeline: true, preparedStatements: 0 },
  'serial, prepared': { pipeline: false },
  'serial, text': { pipeline: false, preparedStatements: 0 },
}

/** As many as there are ways, and one for the reference. */
export const CALM_STAGES = Object.keys(WAYS).length + 1

const TABLES = ['accounts', 'ledger', 'slots', 'notes']

/** Runs the programs one after the other; ends with the first difference. */
export async function runCalmly(
  stages: readonly Stage[],
  programs: readonly Program[],
  count: (outcome: string) => void,
): Promise<Violation[]> {
  await Promise.all(stages.map((stage) => stage.restore()))
  const [first, ...others] = stages
  if (first === undefined) throw new Error('expected stages')
  const admins = await Promise.all(stages.map((stage) => stage.connect()))
  const reference = await first.connect()
  await reference.query('set autocommit = 0')
  const ways = Object.entries(WAYS).map(([name, options], index) => {
    const uri = (others[index] ?? first).uri()
    return {
      name,
      uow: createUnitOfWork({
        driver: mysqlDriver({ uri, pool: { max: 1 }, ...options }),
        warnUnused: false,
      }),
    }
  })
  try {
    for (const program of programs) {
      const expected = await ended(() => runNaively(reference, program))
      const tables = await contentsOf(admins[0])
      for (const [index, { name, uow }] of ways.entries()) {
        const found = await ended(() => runUnit(uow, program, NO_WATCHER))
        count(found.startsWith('error') ? 'failed' : 'committed')
        const left = await contentsOf(admins[index + 1])
        const differs = found === expected ? (left === tables ? undefined : 'tables') : 'result'
        if (differs === undefined) continue
        const seen =
          differs === 'result'
            ? `the reference: ${expected}\n${name}: ${found}`
            : `the reference: ${expected}\ntables of the reference:\n${tables}\n${name}:\n${left}`
        return [{ rule: `calm: ${differs}`, detail: name, program, seen }]
      }
    }
    return []
  } finally {
    await Promise.all(ways.map(({ uow }: { uow: UnitOfWork }) => uow.close()))
    await Promise.all([...admins, reference].map((connection) => connection.end()))
  }
}

async function ended(run: () => Promise<unknown>): Promise<string> {
  try {
    return `value ${JSON.stringify(await run(), plain)}`
  } catch (error) {
    return `error ${errorOf(error)}`
  }
}

/** Errors in values, as attempts have them, by class and number. */
function plain(_: string, value: unknown): unknown {
  if (value instanceof Error) return errorOf(value)
  return value === undefined ? null : value
}

async function contentsOf(admin: Connection | undefined): Promise<string> {
  const tables: string[] = []
  for (const table of TABLES) {
    const [rows] = (await admin?.query(`select * from ${table}`)) ?? [[]]
    const lines = (rows as object[]).map((row) => JSON.stringify(row)).sort()
    tables.push(`${table}: ${lines.join(' ')}`)
  }
  return tables.join('\n')
}
