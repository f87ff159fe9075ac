import { all, type Query, type UnitOfWork } from '@leasehold/core'
import type { NuRandConstants } from './generate/nurand.ts'
import { permutation } from './generate/permutation.ts'
import { Random } from './generate/random.ts'
import * as rows from './generate/rows.ts'
import { customers } from './repositories/customers.ts'
import { districts } from './repositories/districts.ts'
import { history } from './repositories/history.ts'
import { items } from './repositories/items.ts'
import { newOrders } from './repositories/new-orders.ts'
import { orderLines } from './repositories/order-lines.ts'
import { orders } from './repositories/orders.ts'
import { stock } from './repositories/stock.ts'
import { warehouses } from './repositories/warehouses.ts'
import { numbersTo, type Scale } from './scale.ts'

export interface LoadOptions {
  readonly scale: Scale
  readonly seed: number
  readonly constants: NuRandConstants
  /** Units at work at a time; of use up to the connections of the pool. */
  readonly workers: number
  readonly signal?: AbortSignal
  readonly onProgress?: (fraction: number) => void
}

/** Fills empty tables: every batch of rows is a unit of work whose inserts share one flight. */
export async function load(uow: UnitOfWork, options: LoadOptions): Promise<void> {
  const total = batchCount(options.scale)
  const waiting = batches(options)
  let done = 0

  const worker = async () => {
    // The workers draw from one generator, so that only the batches at work are in memory.
    for (const batch of waiting) {
      options.signal?.throwIfAborted()
      await uow.run(batch, { label: 'load' })
      done += 1
      options.onProgress?.(done / total)
    }
  }
  await Promise.all(numbersTo(options.workers).map(worker))
}

const ITEMS_PER_BATCH = 500
const CUSTOMERS_PER_BATCH = 250

function batchCount({ warehouses, items, districtsPerWarehouse, customersPerDistrict }: Scale): number {
  const ofItems = Math.ceil(items / ITEMS_PER_BATCH)
  const ofCustomers = Math.ceil(customersPerDistrict / CUSTOMERS_PER_BATCH)
  return ofItems + warehouses * (1 + ofItems + districtsPerWarehouse * 2 * ofCustomers)
}

function* batches({ scale, seed, constants }: LoadOptions): Generator<Query<unknown>> {
  const openedAt = new Date()
  yield* itemBatches(new Random(seed, 1), scale)
  for (const warehouse of numbersTo(scale.warehouses)) {
    yield warehouseWithDistricts(new Random(seed, 2, warehouse), warehouse, scale)
    yield* stockBatches(new Random(seed, 3, warehouse), warehouse, scale)
    for (const district of numbersTo(scale.districtsPerWarehouse)) {
      const place = { warehouse, district, openedAt }
      yield* customerBatches(new Random(seed, 4, warehouse, district), place, scale, constants)
      yield* orderBatches(new Random(seed, 5, warehouse, district), place, scale)
    }
  }
}

function* itemBatches(random: Random, scale: Scale): Generator<Query<unknown>> {
  for (const ids of chunks(numbersTo(scale.items), ITEMS_PER_BATCH)) {
    yield items.add(ids.map((id) => rows.item(random, id)))
  }
}

function warehouseWithDistricts(random: Random, id: number, scale: Scale): Query<unknown> {
  return all([
    warehouses.add([rows.warehouse(random, id, scale)]),
    districts.add(
      numbersTo(scale.districtsPerWarehouse).map((district) => rows.district(random, id, district, scale)),
    ),
  ])
}

function* stockBatches(random: Random, warehouse: number, scale: Scale): Generator<Query<unknown>> {
  for (const ids of chunks(numbersTo(scale.items), ITEMS_PER_BATCH)) {
    yield stock.add(ids.map((item) => rows.stock(random, warehouse, item)))
  }
}

function* customerBatches(
  random: Random,
  place: rows.Place,
  scale: Scale,
  constants: NuRandConstants,
): Generator<Query<unknown>> {
  for (const ids of chunks(numbersTo(scale.customersPerDistrict), CUSTOMERS_PER_BATCH)) {
    yield all([
      customers.add(ids.map((id) => rows.customer(random, place, id, constants))),
      history.add(ids.map((id) => rows.firstPayment(random, place, id))),
    ])
  }
}

/** Every customer has one order, in random order (clause 4.3.3.1). */
function* orderBatches(random: Random, place: rows.Place, scale: Scale): Generator<Query<unknown>> {
  const orderers = permutation(random, scale.customersPerDistrict)
  const numbered = orderers.map((customer, index) => ({ id: index + 1, customer }))
  for (const chunk of chunks(numbered, CUSTOMERS_PER_BATCH)) {
    const made = chunk.map(({ id, customer }) => rows.order(random, place, id, customer, scale))
    const waiting = made.flatMap((order) => order.waiting)
    yield all([
      orders.add(made.map(({ order }) => order)),
      orderLines.add(made.flatMap(({ lines }) => lines)),
      ...(waiting.length > 0 ? [newOrders.add(waiting)] : []),
    ])
  }
}

function* chunks<T>(values: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < values.length; from += size) yield values.slice(from, from + size)
}
