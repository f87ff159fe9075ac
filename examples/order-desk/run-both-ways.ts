import { availableParallelism } from 'node:os'
import type { UnitOfWork } from '@leasehold/core'
import { type Alone, measureAlone } from './alone.ts'
import { compareAlone, compareEnds, compareRuns, explainRatio } from './comparison.ts'
import { withUnitOfWork } from './connect.ts'
import { type MixOptions, runMix } from './mix.ts'
import { showProgress } from './progress.ts'
import { type RecordedFlight, recordFlights } from './record-flights.ts'
import { type Summaries, summaries } from './report.ts'
import { numbersTo, type Scale } from './scale.ts'
import { drawTimeline, endOf } from './timeline.ts'
import { newOrder } from './transactions/new-order.ts'

export interface Runs {
  readonly inFlights: Summaries
  readonly serial: Summaries
  readonly alone: Alone | undefined
  readonly failures: number
}

export const NO_RUNS: Runs = { inFlights: {}, serial: {}, alone: undefined, failures: 0 }

type RunOptions = Omit<MixOptions, 'onProgress'> & { readonly signal: AbortSignal }

/** The same mix in flights and statement by statement, then New-Order by itself; with what came of it. */
export async function runBothWays(uri: string, options: RunOptions): Promise<Runs> {
  const connections = options.clients
  const { inFlights, timeline } = await withUnitOfWork(uri, { connections }, async (uow) => ({
    inFlights: await run('in flights', uow, options),
    timeline: await drawNewOrder(uow, options.scale),
  }))
  const serial = await withUnitOfWork(uri, { connections, pipeline: false }, (uow) =>
    run('one by one', uow, options),
  )

  console.log(`\n${compareRuns(inFlights, serial)}`)
  console.log('\nTimes in milliseconds; flights are round trips per unit, "one by one" is pipeline: false.')
  const explanation = explainRatio(options.clients, availableParallelism())
  if (explanation !== undefined) console.log(explanation)
  console.log(`\nIn flights / one by one:\n${compareEnds(inFlights, serial)}`)
  console.log(`\n${timeline}`)
  const alone = await runAlone(uri, options)
  console.log(`\n${compareAlone(alone)}`)

  const failures = [inFlights, serial]
    .flatMap((run) => Object.values(run))
    .reduce((sum, summary) => sum + summary.failures, 0)
  return { inFlights, serial, alone, failures }
}

function runAlone(uri: string, options: RunOptions): Promise<Alone> {
  const progress = showProgress('New-Order by itself')
  return measureAlone(uri, { ...options, onProgress: progress.update }).finally(progress.end)
}

async function run(title: string, uow: UnitOfWork, options: RunOptions): Promise<Summaries> {
  const progress = showProgress(title)
  const onProgress = (fraction: number, ended: number) => {
    progress.update(fraction, `${ended} units`)
  }
  const result = await runMix(uow, { ...options, onProgress }).finally(progress.end)
  options.signal.throwIfAborted()
  if (result.firstFailure !== undefined) console.error(`${title}: a unit failed:`, result.firstFailure)
  return summaries(result)
}

/** An order of ten items without competition: of several attempts the one of median duration. */
async function drawNewOrder(uow: UnitOfWork, scale: Scale): Promise<string> {
  const label = 'New-Order'
  const order = newOrder({
    warehouse: 1,
    district: 1,
    customer: 1,
    lines: numbersTo(10).map((item) => ({
      item: Math.min(item, scale.items),
      supplyWarehouse: 1,
      quantity: 1,
    })),
    enteredAt: new Date(),
  })
  const attempts: RecordedFlight[][] = []
  for (let attempt = 0; attempt < 11; attempt += 1) {
    attempts.push(await recordFlights(label, () => uow.run(order, { label })))
  }
  attempts.sort((a, b) => endOf(a) - endOf(b))
  return drawTimeline(label, attempts[5] ?? [])
}
