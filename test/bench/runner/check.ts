/** Whether the peers do the same: what their units give, and the rows that are there afterwards. */
import type { TestDatabase } from '@leasehold/test-support/database'
import { checksums } from '../data/databases.ts'
import type { PeerName } from '../peers/index.ts'
import type { Workload } from '../workloads/index.ts'
import type { Counts, CountingRelay } from './counting-relay.ts'
import type { PeerProcess } from './peer-process.ts'

export interface Contestant {
  readonly process: PeerProcess
  readonly database: TestDatabase
}

/** Per unit. */
export type CountsOfPeers = ReadonlyMap<PeerName, Counts>

/** The message says which peer, and what is different. */
export class DifferenceError extends Error {
  override readonly name = 'DifferenceError'
}

const WARM_UP_SEED = 1
const SEED = 2

/**
 * Runs the same units with each peer, through the relay that counts what they send, one peer after the other. The rows
 * of a peer that lacks a unit are not those of the others any more, and not compared from there on.
 */
export async function checkPeers(
  contestants: readonly Contestant[],
  workloads: readonly Workload[],
  relay: CountingRelay,
): Promise<ReadonlyMap<Workload, CountsOfPeers>> {
  await openAll(contestants, relay.uri)
  let comparable = contestants
  const counts = new Map<Workload, CountsOfPeers>()
  for (const workload of workloads) {
    const facts = new Map<PeerName, string>()
    const countsOfPeers = new Map<PeerName, Counts>()
    for (const { process } of contestants) {
      await process.ask({ type: 'check', workload: workload.name, seed: WARM_UP_SEED })
      const counts = await relay.count(async () => {
        const checked = await process.ask({ type: 'check', workload: workload.name, seed: SEED })
        if (checked !== undefined) facts.set(process.name, checked)
      })
      if (facts.has(process.name)) countsOfPeers.set(process.name, perUnit(counts, workload.checked))
    }
    assertSame(`what the units of ${workload.name} give`, facts)
    if (workload.writes) {
      comparable = comparable.filter(({ process }) => facts.has(process.name))
      await assertSameRows(comparable, workload)
    }
    counts.set(workload, countsOfPeers)
  }
  return counts
}

/** Each peer on its own database of the server at the uri. */
export async function openAll(contestants: readonly Contestant[], uri: string): Promise<void> {
  await Promise.all(
    contestants.map(({ process, database }) => {
      const own = new URL(uri)
      own.pathname = database.name
      return process.open(own.href)
    }),
  )
}

async function assertSameRows(contestants: readonly Contestant[], workload: Workload): Promise<void> {
  const byTable = new Map<string, Map<PeerName, string>>()
  for (const { process, database } of contestants) {
    for (const [table, checksum] of Object.entries(await checksums(database))) {
      byTable.set(table, (byTable.get(table) ?? new Map<PeerName, string>()).set(process.name, checksum))
    }
  }
  for (const [table, byPeer] of byTable) assertSame(`the rows of ${table} after ${workload.name}`, byPeer)
}

function perUnit({ roundTrips, bytesSent, bytesReceived }: Counts, units: number): Counts {
  return {
    roundTrips: roundTrips / units,
    bytesSent: bytesSent / units,
    bytesReceived: bytesReceived / units,
  }
}

function assertSame(what: string, byPeer: ReadonlyMap<PeerName, string>): void {
  const [first, ...others] = byPeer
  const different = others.filter(([, value]) => value !== first?.[1]).map(([peer]) => peer)
  if (different.length === 0) return
  throw new DifferenceError(`${what}: not the same as of ${first?.[0]} are those of ${different.join(', ')}`)
}
