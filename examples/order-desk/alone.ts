import type { UnitOfWork } from '@leasehold/core'
import { withUnitOfWork } from './connect.ts'
import { countFlights } from './count-flights.ts'
import type { NuRandConstants } from './generate/nurand.ts'
import { Random } from './generate/random.ts'
import { type Clerk, newOrderInput } from './input.ts'
import { numbersTo, type Scale } from './scale.ts'
import { emptyTally, percentile, summarize, type Summary, type Tally } from './statistics.ts'
import { newOrder } from './transactions/new-order.ts'

/** How fast one client goes; durations in milliseconds. */
export type Pace = Pick<Summary, 'perSecond' | 'p50' | 'flights'>

/** New-Order in flights and statement by statement, and how many times as many units a second the flights give. */
export interface Alone {
  readonly 'New-Order': Pace
  readonly serial: Pace
  readonly ratio: number
}

export interface AloneOptions {
  readonly scale: Scale
  readonly constants: NuRandConstants
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProgress?: (fraction: number) => void
  readonly rounds?: number
  readonly sliceMs?: number
}

const LABEL = 'New-Order'
/** Where one order takes seconds, fewer rounds have to do. */
const BUDGET_MS = 8_000

/** One client that places order after order: its units per second show how long a unit takes, and nothing else. */
export function measureAlone(uri: string, options: AloneOptions): Promise<Alone> {
  return withUnitOfWork(uri, { connections: 1 }, (uow) =>
    withUnitOfWork(uri, { connections: 1, pipeline: false }, (serial) => compare(uow, serial, options)),
  )
}

/** In turns, so that what else the machine does meanwhile meets both ways. */
async function compare(uow: UnitOfWork, serialUow: UnitOfWork, options: AloneOptions): Promise<Alone> {
  const { rounds = 5, sliceMs = 600, onProgress } = options
  const inFlights = toWay(uow, options)
  const serial = toWay(serialUow, options)
  for (const way of [inFlights, serial]) await placeFor(sliceMs / 2, { ...way, tally: emptyTally() }, options)

  const start = performance.now()
  for (const round of numbersTo(rounds)) {
    for (const way of [inFlights, serial]) way.perSecond.push(await placeFor(sliceMs, way, options))
    onProgress?.(round / rounds)
    if (performance.now() - start > BUDGET_MS) break
  }
  const [pace, serialPace] = [paceOf(inFlights), paceOf(serial)]
  return { 'New-Order': pace, serial: serialPace, ratio: pace.perSecond / serialPace.perSecond }
}

interface Way {
  readonly uow: UnitOfWork
  readonly clerk: Clerk
  readonly tally: Tally
  /** Of each slice. */
  readonly perSecond: number[]
}

/** Both ways have a clerk of the same seed, hence the same orders. */
function toWay(uow: UnitOfWork, { scale, constants, seed }: AloneOptions): Way {
  const clerk = { random: new Random(seed, 0), scale, constants, warehouse: 1 }
  return { uow, clerk, tally: emptyTally(), perSecond: [] }
}

/** Places at least one order; gives the orders per second. */
async function placeFor(ms: number, { uow, clerk, tally }: Way, { signal }: AloneOptions): Promise<number> {
  const counting = countFlights({ [LABEL]: tally })
  const start = performance.now()
  let placed = 0
  try {
    do {
      signal?.throwIfAborted()
      const order = newOrder(validInput(clerk))
      const begin = performance.now()
      await uow.run(order, { label: LABEL })
      tally.durations.push(performance.now() - begin)
      placed += 1
    } while (performance.now() - start < ms)
  } finally {
    counting.stop()
  }
  return placed / ((performance.now() - start) / 1000)
}

/** Always of ten items that exist, so that every order takes as many flights as the others. */
function validInput(clerk: Clerk): ReturnType<typeof newOrderInput> {
  for (;;) {
    const input = newOrderInput(clerk)
    const valid = input.lines.every(({ item }) => item <= clerk.scale.items)
    if (valid && input.lines.length === 10) return input
  }
}

function paceOf({ tally, perSecond }: Way): Pace {
  const { p50, flights } = summarize(tally, 0)
  const ascending = perSecond.toSorted((a, b) => a - b)
  return { perSecond: percentile(ascending, 50), p50, flights }
}
