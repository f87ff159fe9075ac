import { fewUnits, manyUnits } from './many-units.ts'
import { newOrder, newOrderBatched } from './new-order.ts'
import { payment } from './payment.ts'
import { pageRead, pointRead, pointReads10, unitsOfN } from './reads.ts'
import type { Workload } from './workload.ts'
import { import1000, singleWrite } from './writes.ts'

export type { Workload } from './workload.ts'

export const workloads: readonly Workload[] = [
  newOrder,
  newOrderBatched,
  payment,
  pageRead,
  pointRead,
  pointReads10,
  singleWrite,
  import1000,
  fewUnits,
  manyUnits,
  ...unitsOfN,
]

export function workload(name: string): Workload {
  const found = workloads.find((one) => one.name === name)
  if (found === undefined)
    throw new Error(`no workload ${name}: expected one of ${workloads.map(({ name }) => name).join(', ')}`)
  return found
}
