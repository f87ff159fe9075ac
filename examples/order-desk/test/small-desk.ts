import { createUnitOfWork, type Query, type UnitOfWork } from '@leasehold/core'
import { recordFlights } from '@leasehold/core/testing'
import { mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import type { ServerAddress } from '@leasehold/test-support/server'
import { expect } from 'vitest'
import { checkConsistency } from '../consistency.ts'
import { createTables } from '../create-tables.ts'
import { constantsForLoad } from '../generate/nurand.ts'
import { Random } from '../generate/random.ts'
import { load } from '../load.ts'

export const SMALL = { warehouses: 2, items: 300, districtsPerWarehouse: 3, customersPerDistrict: 40 }

export const CONSTANTS = constantsForLoad(new Random(1))

export interface SmallDesk {
  readonly uow: UnitOfWork
  readonly uri: string
  close(): Promise<void>
}

/** A desk that is loaded in a moment, in a database of its own. */
export async function openSmallDesk(server: ServerAddress): Promise<SmallDesk> {
  const database = await createDatabase(server)
  await createTables(database.uri)
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: database.uri, pool: { max: 4 } }) })
  await load(uow, { scale: SMALL, seed: 1, constants: CONSTANTS, workers: 2 })
  return {
    uow,
    uri: database.uri,
    async close() {
      await uow.close()
      await database.drop()
    },
  }
}

export async function expectConsistent({ uow }: SmallDesk): Promise<void> {
  const conditions = await checkConsistency(uow)
  expect(conditions.filter(({ holds }) => !holds)).toEqual([])
}

/** How many flights it takes to run a query. */
export async function flightsOf({ uow }: SmallDesk, query: Query<unknown>): Promise<number> {
  return (await recordFlights(() => uow.run(query))).flights.length
}

/** The same in a read-only transaction. */
export async function flightsOfRead({ uow }: SmallDesk, query: Query<unknown, 'read'>): Promise<number> {
  return (await recordFlights(() => uow.read(query))).flights.length
}
