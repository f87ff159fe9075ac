import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { checkConsistency, type ConditionResult } from '../../examples/order-desk/consistency.ts'
import { createTables } from '../../examples/order-desk/create-tables.ts'
import { constantsForLoad, constantsForRun } from '../../examples/order-desk/generate/nurand.ts'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { load } from '../../examples/order-desk/load.ts'

/** Few rows, so that it is loaded in a moment and clients often meet at the same ones. */
const scale = { warehouses: 4, items: 300, districtsPerWarehouse: 3, customersPerDistrict: 40 }

const seed = 1
const constants = constantsForLoad(new Random(seed))

/** What the clients' input is made of. */
export const input = { scale, constants: constantsForRun(new Random(seed, 1), constants) }

export async function loadDesk(uri: string): Promise<void> {
  await createTables(uri)
  await withUnitOfWork(uri, (uow) => load(uow, { scale, seed, constants, workers: 2 }))
}

export function checkDesk(uri: string): Promise<ConditionResult[]> {
  return withUnitOfWork(uri, checkConsistency)
}

/** For what happens before and after the soak, on connections of its own and without the proxy. */
async function withUnitOfWork<T>(uri: string, work: (uow: UnitOfWork) => Promise<T>): Promise<T> {
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri, pool: { max: 2 } }) })
  try {
    return await work(uow)
  } finally {
    await uow.close()
  }
}
