/** The ways to run a unit: by the unit of work, held by hand, on a lease, and ambient. What they tell must be as true. */
import {
  ConnectionLostError,
  type Executor,
  LeaseholdError,
  type RunOptions,
  type UnitOfWork,
} from '@leasehold/core'
import { ambient } from '@leasehold/core/ambient'
import type { Connection } from 'mysql2/promise'
import type { AnyQuery } from './program/query.ts'
import type { Program } from './program/step.ts'

export type Body = (q: Executor<'read'>) => Promise<unknown>

export type Door = 'unit of work' | 'held' | 'lease' | 'ambient'

interface Unit {
  readonly door: Door
  readonly access: 'run' | 'read'
  readonly work: AnyQuery | Body
  readonly options: RunOptions
}

/** By the number of the program, so that it is the same when the program is made smaller. */
export function doorOf({ unit, form, options }: Program): Door {
  if (unit % 5 === 1) return 'lease'
  if (form === 'body' && unit % 5 === 2) return 'ambient'
  // What is held is not run again, and has no key.
  if (form === 'body' && unit % 5 >= 3 && options.outcomeKey !== true) return 'held'
  return 'unit of work'
}

export async function throughDoor(uow: UnitOfWork, unit: Unit): Promise<unknown> {
  switch (unit.door) {
    case 'lease':
      return onLease(uow as UnitOfWork<Connection>, unit)
    case 'held':
      return byHand(uow, unit)
    case 'ambient': {
      const units = ambient(uow)
      return asAccess(unit, (access, options) => units[access](() => (unit.work as Body)(units.q), options))
    }
    default:
      return run(uow, unit)
  }
}

function run(uow: UnitOfWork, unit: Unit): Promise<unknown> {
  const { work } = unit
  return asAccess(unit, (access, options) => {
    if (typeof work === 'function')
      return access === 'read' ? uow.read(work, options) : uow.run(work, options)
    return access === 'read' ? uow.read(work, options) : uow.run(work, options)
  })
}

/** A unit of `read` takes no access mode. */
function asAccess(
  { access, options }: Unit,
  use: (access: Unit['access'], options: RunOptions) => Promise<unknown>,
): Promise<unknown> {
  const { accessMode: _, ...reading } = options
  return use(access, access === 'read' ? reading : options)
}

/** A session in which nothing is as units want it, and which is theirs all the same. */
async function onLease(uow: UnitOfWork<Connection>, unit: Unit): Promise<unknown> {
  const { signal } = unit.options
  await using lease = await uow.lease(signal === undefined ? {} : { signal })
  await lease.native((connection) => connection.query(SOILING)).catch(lost)
  return await run(lease, unit)
}

const SOILING = "set autocommit = 1, completion_type = 1, time_zone = '+05:00', @mine = 1"

/** The error of mysql2 is the function's own, and comes out as it is. */
function lost(error: unknown): never {
  if (error instanceof LeaseholdError) throw error
  throw new ConnectionLostError('the connection was lost within native', { cause: error, sent: true })
}

/** As code does that catches, rolls back and throws again. */
async function byHand(uow: UnitOfWork, { access, work, options }: Unit): Promise<unknown> {
  const { retry: _, outcomeKey: __, ...given } = options
  const held = await uow.begin({ ...given, ...(access === 'read' ? { accessMode: 'read only' } : {}) })
  try {
    const value = await (work as Body)(held)
    await held.commit()
    return value
  } catch (error) {
    await held.rollback()
    throw error
  }
}
