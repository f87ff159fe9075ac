/** Units that a test leads step by step, so that it decides how they interleave. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Executor,
  type IsolationLevel,
  one,
  type Query,
  StatementError,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { sql } from 'kysely'
import { eventually, type Fixture } from '../../mysql/support/fixture.ts'

/** A step that is done, or waits for a lock. `undefined` stands for the result of what a deadlock kept from happening. */
export type Step<T> = { readonly result: Promise<T | undefined> }

export interface Interleaved {
  run<T>(query: Query<T>): Promise<Step<T>>
  commit(): Promise<Step<void>>
  rollback(): Promise<Step<void>>
}

export interface Stage {
  begin(): Promise<Interleaved>
  /** Until all units have ended; gives whether one was the victim of a deadlock. */
  ended(): Promise<boolean>
}

class Undone extends Error {}

const session = one(mysqlBuilder<object>().selectNoFrom(sql<number>`connection_id()`.as('id')))

export function setStage(uow: UnitOfWork, fixture: Fixture, isolationLevel: IsolationLevel): Stage {
  const units: Promise<void>[] = []
  let deadlocked = false

  const expected = (error: unknown): undefined => {
    if (error instanceof StatementError && error.kind === 'deadlock') deadlocked = true
    else if (!(error instanceof Undone) && !deadlocked) throw error
  }

  async function step<T>(id: number, running: Promise<T>): Promise<Step<T>> {
    let settled = false
    const result = running.catch(expected).finally(() => {
      settled = true
    })
    await eventually(async () => settled || (await isWaiting(fixture, id)))
    return { result }
  }

  return {
    async begin() {
      const opened = Promise.withResolvers<Executor>()
      const end = Promise.withResolvers<void>()
      const body = async (q: Executor): Promise<void> => {
        opened.resolve(q)
        await end.promise
      }
      const unit = uow.run(body, { isolationLevel })
      units.push(unit.catch(expected))
      const q = await opened.promise
      const { id } = await q(session)
      return {
        run: (query) => step(id, q(query)),
        commit() {
          end.resolve()
          return step(id, unit)
        },
        rollback() {
          end.reject(new Undone())
          return step(id, unit)
        },
      }
    },
    async ended() {
      await Promise.all(units)
      return deadlocked
    },
  }
}

/** Milliseconds. The servers take a fresh look at their transactions only when nobody has asked for a tenth of a second. */
const FRESH = 110

async function isWaiting(fixture: Fixture, id: number): Promise<boolean> {
  const sessions = await fixture.sessions()
  if (!sessions.some((session) => session.id === id && session.statement !== null)) return false
  await sleep(FRESH)
  const waiting = await fixture.rows(
    "select 1 from information_schema.innodb_trx where trx_mysql_thread_id = ? and trx_state = 'LOCK WAIT'",
    [id],
  )
  return waiting.length > 0
}
