/** Round after round, until time is up. */
import type { TestServer } from '@leasehold/test-support/server'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { compareHistories } from './histories.ts'
import { giveBack } from './given-back.ts'
import { copyOf, tableOf } from './schema.ts'
import { openSessions } from './sessions.ts'
import { writeAgain } from './written-again.ts'

export interface Finding {
  readonly rule: string
  readonly statement: string
  readonly detail: string
}

export interface Task {
  readonly server: TestServer
  readonly minutes: number
  readonly seed: number
  readonly log: (line: string) => void
}

/** Statements of one table. */
const HISTORIES = 40

/** Gives the number of findings of different kinds, and of what was looked at. */
export async function search({
  server,
  minutes,
  seed,
  log,
}: Task): Promise<{ found: number; summary: string }> {
  const end = performance.now() + minutes * 60_000
  const sessions = await openSessions(server)
  const known = new Map<string, number>()
  let [rounds, statements] = [0, 0]
  try {
    for (let round = seed; performance.now() < end || rounds === 0; round = (round + 1) % 2 ** 31) {
      rounds += 1
      const random = new Random(round, 0)
      const table = tableOf(random, `t${rounds}`, server.kind)
      for (const definition of table.definitions) await sessions.rows(definition)
      const note = (found: readonly Finding[]): void => {
        for (const { rule, statement, detail } of found) {
          const kind = `${rule}: ${statement}`
          const times = known.get(kind) ?? 0
          known.set(kind, times + 1)
          if (times === 0)
            log(`round ${round}, ${server.kind}: ${kind}\n  ${detail}\n  ${table.definitions.join('\n  ')}`)
        }
      }
      for (let nth = 0; nth < HISTORIES && performance.now() < end; nth += 1) {
        statements += 1
        note(await compareHistories(random, table, sessions))
      }
      note(await writeAgain(random, table, sessions))
      note(await giveBack(random, table, sessions))
      for (const name of [table.name, copyOf(table)]) await sessions.rows(`drop table ${name}`)
    }
  } finally {
    await sessions.close()
  }
  return { found: known.size, summary: `${rounds} tables and ${statements} statements` }
}
