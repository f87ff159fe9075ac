import { withUnitOfWork } from './connect.ts'
import { checkConsistency, type ConditionResult } from './consistency.ts'
import { createTables } from './create-tables.ts'
import type { DeskServer } from './desk-server.ts'
import { withDistance } from './distance.ts'
import { constantsForLoad, constantsForRun } from './generate/nurand.ts'
import { Random } from './generate/random.ts'
import { load, type LoadOptions } from './load.ts'
import type { Options } from './options.ts'
import type { OrderLine } from './orders-file.ts'
import { type PlacedOrders, placeOrders } from './place-orders.ts'
import { showProgress } from './progress.ts'
import { toReport, writeReport } from './report.ts'
import { NO_RUNS, runBothWays } from './run-both-ways.ts'
import { fullScale } from './scale.ts'

const SEED = 511
const LOAD_CONNECTIONS = 4

/** The whole demo on an empty database; gives the exit code. */
export async function runDesk(
  server: DeskServer,
  options: Options,
  written: readonly OrderLine[] | undefined,
  signal: AbortSignal,
): Promise<number> {
  console.log(
    `Order desk on ${server.name}, in the shape of TPC-C. The figures are no audited TPC-C results.`,
  )
  const { clients, seconds, rttMs } = options
  const scale = fullScale(options.warehouses)
  const constants = constantsForLoad(new Random(SEED))
  const runConstants = constantsForRun(new Random(SEED, 1), constants)
  await createTables(server.uri)
  await fill(server.uri, { scale, seed: SEED, constants, workers: LOAD_CONNECTIONS, signal })

  return withDistance(server.uri, rttMs, async ({ uri, rttMs: rtt }) => {
    if (rtt > 0) console.log(`The server is ${rtt.toFixed(2)} ms of round trip away.`)
    const orders = written && (await place(uri, written, signal))
    try {
      signal.throwIfAborted()
      const runs =
        seconds === 0
          ? NO_RUNS
          : await runBothWays(uri, { scale, constants: runConstants, seed: SEED, clients, seconds, signal })
      const conditions = await check(server.uri)
      if (options.reportFile !== undefined) {
        await writeReport(
          options.reportFile,
          toReport({ server: server.name, rtt, runs, conditions, orders }),
        )
      }
      const consistent = conditions.every(({ holds }) => holds)
      const allPlaced = orders === undefined || orders.refused.length === 0
      return consistent && allPlaced && runs.failures === 0 ? 0 : 1
    } finally {
      // The last line, whatever else happens: who sends orders must know how many of them are placed.
      if (orders !== undefined) console.log(`\n${countOrders(orders)}`)
    }
  })
}

async function fill(uri: string, options: LoadOptions): Promise<void> {
  const progress = showProgress('loading')
  const start = performance.now()
  try {
    await withUnitOfWork(uri, { connections: options.workers }, (uow) =>
      load(uow, { ...options, onProgress: progress.update }),
    )
  } finally {
    progress.end()
  }
  const seconds = (performance.now() - start) / 1000
  const { warehouses } = options.scale
  console.log(
    `Loaded ${warehouses === 1 ? '1 warehouse' : `${warehouses} warehouses`} in ${seconds.toFixed(1)} s.`,
  )
}

function place(uri: string, written: readonly OrderLine[], signal: AbortSignal): Promise<PlacedOrders> {
  console.log('')
  return withUnitOfWork(uri, { connections: 1 }, (uow) =>
    placeOrders(uow, written, { signal, print: console.log }),
  )
}

async function check(uri: string): Promise<ConditionResult[]> {
  const conditions = await withUnitOfWork(uri, { connections: 1 }, checkConsistency)
  console.log('\nConsistency (clause 3.3.2):')
  for (const { condition, meaning, holds } of conditions) {
    console.log(`  ${holds ? '✓' : '✗'} ${condition}  ${meaning}`)
  }
  return conditions
}

function countOrders({ placed, refused }: PlacedOrders): string {
  return `${placed} ${placed === 1 ? 'order' : 'orders'} placed, ${refused.length} refused`
}
