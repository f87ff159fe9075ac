import {
  affected,
  createUnitOfWork,
  many,
  type Query,
  type UnitOfWork,
  type UnitOfWorkOptions,
} from '@leasehold/core'
import { sql } from 'kysely'
import { type Account, db } from './accounts.ts'
import { RecordingDriver, type Script } from '@leasehold/core/testing'

export interface Recorded {
  readonly driver: RecordingDriver
  readonly uow: UnitOfWork
}

export function record(script: Script = {}, options: Omit<UnitOfWorkOptions, 'driver'> = {}): Recorded {
  const driver = new RecordingDriver(script)
  return { driver, uow: createUnitOfWork({ driver, ...options }) }
}

/** Statements of each kind, under a name that journals and scripts know them by. */
export function read(name: string): Query<Account[], 'read'> {
  return many(db.selectFrom('accounts').selectAll()).named(name)
}

/** A write with no check on its result. */
export function write(name: string): Query<number, 'write'> {
  return affected(db.updateTable('accounts').set({ cents: 0 })).named(name)
}

export function raw(name: string): Query<unknown[], 'write'> {
  return many(sql`call something()`.compile(db)).named(name)
}

/** What the promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const fulfilled = Symbol('fulfilled')
  const outcome = await promise.then(
    () => fulfilled,
    (error: unknown) => error,
  )
  if (outcome === fulfilled) throw new Error('expected a rejection')
  return outcome
}
