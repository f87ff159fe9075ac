/** One program by a unit of work, with all its options. */
import {
  afterCommit,
  afterRollback,
  all,
  program as programOf,
  type Query,
  type RunOptions,
  type UnitOfWork,
} from '@leasehold/core'
import { allNumbers, bodyOf, takeNumbers } from './program/body.ts'
import { type AnyQuery, queryOf } from './program/query.ts'
import type { Program } from './program/step.ts'
import { type Body, doorOf, throughDoor } from './doors.ts'
import type { UnitWatcher } from './watcher.ts'

export async function runUnit(
  uow: UnitOfWork,
  program: Program,
  watcher: UnitWatcher,
  runId = '',
): Promise<unknown> {
  const { access, abortAfter, hooks, outcomeKey, ...given } = program.options
  const controller = new AbortController()
  const timer = abortAfter === undefined ? undefined : setTimeout(() => controller.abort(), abortAfter)
  const signal = abortAfter === undefined ? {} : { signal: controller.signal }
  const label = `unit ${program.unit}`
  try {
    if (program.form === 'stream') {
      const { timeout } = given
      const bounds = { ...signal, ...(timeout === undefined ? {} : { timeout }) }
      return await takeNumbers(uow.stream(allNumbers, { ...bounds, label }), program, watcher)
    }
    const options: RunOptions = {
      ...given,
      ...signal,
      label,
      ...(outcomeKey === true ? { outcomeKey: `${runId} ${program.unit}` } : {}),
    }
    const work =
      program.form === 'query'
        ? hooked(queryOf(program.root, program.unit), program, watcher)
        : hookedBody(bodyOf(program.steps, program.unit, watcher), hooks === true, watcher)
    const value = await throughDoor(uow, { door: doorOf(program), access, work, options })
    return isLone(program) && hooks === true ? (value as unknown[])[2] : value
  } finally {
    clearTimeout(timer)
  }
}

function hooksOf(watcher: UnitWatcher): readonly [Query<void, 'read'>, Query<void, 'read'>] {
  return [afterCommit(() => watcher.hook('commit')), afterRollback(() => watcher.hook('rollback'))]
}

/** Whether it is a lone write, which is to stay one: its COMMIT shares a flight with it. */
function isLone(program: Program): boolean {
  return program.form === 'query' && program.root.do === 'mark'
}

function hooked(query: AnyQuery, program: Program, watcher: UnitWatcher): AnyQuery {
  if (program.options.hooks !== true) return query
  const [committed, rolledBack] = hooksOf(watcher)
  if (isLone(program)) return all([committed, rolledBack, query])
  return programOf(function* () {
    watcher.attempted()
    yield* committed
    yield* rolledBack
    watcher.registered()
    return yield* query
  })
}

function hookedBody(body: Body, hooks: boolean, watcher: UnitWatcher): Body {
  return async (q) => {
    watcher.attempted()
    if (!hooks) return body(q)
    await q.all(hooksOf(watcher))
    watcher.registered()
    return body(q)
  }
}
