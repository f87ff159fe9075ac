/** Programs as bodies: plain asynchronous code on the unit's connection. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Executor, many } from '@leasehold/core'
import { NUMBERS } from '../stage/schema.ts'
import { type BodyStep, isBodyOnly, type Step } from './step.ts'
import { queryOf } from './query.ts'
import { db } from './statements.ts'

/** What a body sees besides of what it gives. */
export interface Watcher {
  /** A stream's loop that ended as if it had seen all. */
  streamEnded(rows: number): void
  /** Whether somebody holds a lock of the account; `undefined` if that could not be found out. */
  isLocked(id: number): Promise<boolean | undefined>
}

type Body = (q: Executor<'read'>) => Promise<unknown>

export const allNumbers = many(db.selectFrom('numbers').selectAll().orderBy('n'))

export function bodyOf(steps: readonly BodyStep[], unit: number, watcher: Watcher): Body {
  return async (q) => {
    const values: unknown[] = []
    for (const step of steps) values.push(await run(step, { q, unit, watcher }))
    return values
  }
}

interface Place {
  readonly q: Executor<'read'>
  readonly unit: number
  readonly watcher: Watcher
}

async function run(step: BodyStep, { q, unit, watcher }: Place): Promise<unknown> {
  if (!isBodyOnly(step)) return q(queryOf(step, unit))
  switch (step.do) {
    case 'tasks':
      return Promise.all(step.tasks.map((task) => runTask(task, q, unit)))
    case 'pause':
      await sleep(step.ms)
      return null
    case 'holds':
      return watcher.isLocked(step.id)
    case 'stream lock': {
      const ids: number[] = []
      const locked = many(db.selectFrom('accounts').select('id').where('id', '=', step.id).forUpdate())
      for await (const { id } of (q as Executor).stream(locked)) ids.push(id)
      return ids
    }
    default:
      return takeNumbers(q.stream(allNumbers), step, watcher)
  }
}

async function runTask(task: readonly Step[], q: Executor<'read'>, unit: number): Promise<unknown> {
  const values: unknown[] = []
  for (const part of task) values.push(await q(queryOf(part, unit)))
  return values
}

export interface Taking {
  readonly pauseAt: number
  readonly pauseMs?: number
  readonly leaveAt: number | undefined
}

/** Takes rows, with a pause somewhere, and tells how many there were if the loop came to its end. */
export async function takeNumbers(
  rows: AsyncIterable<{ n: number }>,
  { pauseAt, pauseMs = 5, leaveAt }: Taking,
  watcher: Pick<Watcher, 'streamEnded'>,
): Promise<number> {
  let seen = 0
  for await (const { n } of rows) {
    seen += 1
    if (n !== seen) throw new Error(`stream: expected the row ${seen}, got ${n}`)
    if (seen === pauseAt) await sleep(pauseMs)
    if (seen === leaveAt) return seen
  }
  watcher.streamEnded(seen)
  return seen
}

/** All of a stream's rows; fewer, and a loop that ended normally has been deceived. */
export const WHOLE_STREAM = NUMBERS
