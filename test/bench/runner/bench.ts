import { startServer, type ServerKind, type TestServer } from '@leasehold/test-support/server'
import { withDistance } from '../../../examples/order-desk/distance.ts'
import { copyOf, loadOriginal } from '../data/databases.ts'
import type { Options } from '../options.ts'
import { figuresOf } from '../report/figures.ts'
import type { Run } from '../report/report.ts'
import type { Workload } from '../workloads/index.ts'
import { checkPeers, type Contestant, type CountsOfPeers, openAll } from './check.ts'
import { compare } from './compare.ts'
import { HOLD, startCountingRelay } from './counting-relay.ts'
import { PeerProcess } from './peer-process.ts'

export interface BenchEvents {
  readonly log: (line: string) => void
  readonly onRun: (run: Run) => void
}

/** Everything that the options ask for on one server, which waits for the disk at every commit that is measured. */
export async function benchServer(kind: ServerKind, options: Options, events: BenchEvents): Promise<void> {
  const server = await startServer({ kind, durable: !options.checkOnly, log: events.log })
  const contestants: Contestant[] = []
  try {
    events.log(`loading a database for each of ${options.peers.length} peers …`)
    const original = await loadOriginal(server)
    for (const name of options.peers) {
      contestants.push({ database: await copyOf(original, server), process: new PeerProcess(name) })
    }
    events.log('checking that they do the same …')
    const counts = await check(contestants, server, options)
    if (!options.checkOnly) await measure(contestants, server, counts, options, events)
    for (const { process } of contestants) await process.close()
  } finally {
    for (const { process } of contestants) process.kill()
    await server.stop()
  }
}

async function check(
  contestants: readonly Contestant[],
  server: TestServer,
  { workloads, checkOnly }: Options,
) {
  const relay = await startCountingRelay(server.uri(), checkOnly ? 0 : HOLD)
  try {
    return await checkPeers(contestants, workloads, relay)
  } finally {
    await relay.stop()
  }
}

async function measure(
  contestants: readonly Contestant[],
  server: TestServer,
  counts: ReadonlyMap<Workload, CountsOfPeers>,
  { workloads, rtts, seconds }: Options,
  { onRun }: BenchEvents,
): Promise<void> {
  const serverProcess = await server.processId()
  const warm = new Set<Workload>()
  const distances = rtts ?? [...new Set(workloads.flatMap((workload) => workload.rtts))].sort((a, b) => a - b)
  for (const distance of distances) {
    await withDistance(server.uri(), distance, async ({ uri, rttMs }) => {
      await openAll(contestants, uri)
      for (const workload of workloads.filter((one) => rtts !== undefined || one.rtts.includes(distance))) {
        const processes = contestants.map(({ process }) => process)
        const slices = await compare(processes, workload, {
          seconds,
          serverProcess,
          warm: warm.has(workload),
        })
        warm.add(workload)
        onRun({
          workload: workload.name,
          title: workload.title,
          server: `${server.kind === 'mariadb' ? 'MariaDB' : 'MySQL'} ${server.version.split('-')[0]}`,
          rtt: rttMs,
          results: figuresOf(slices, counts.get(workload) ?? new Map()),
        })
      }
    })
  }
}
