/** The peers in turns, a slice of time each, round after round: what else the machine does meets all of them. */
import type { PeerName } from '../peers/index.ts'
import type { Slice } from '../process/protocol.ts'
import type { Workload } from '../workloads/index.ts'
import type { PeerProcess } from './peer-process.ts'
import { cpuMsOf } from './server-cpu.ts'

const ROUNDS = 5
/** Milliseconds for each peer, until the compiler has seen enough of its code. */
const WARM_UP = 1_000

export interface Measured extends Slice {
  /** Milliseconds; undefined for a server that is not this machine's. */
  readonly serverCpuMs: number | undefined
}

export interface CompareOptions {
  readonly seconds: number
  readonly serverProcess: number | undefined
  /** Whether the peers have run such units already: what is left to warm up is the connection. */
  readonly warm: boolean
}

/** The slices of each peer that has such a unit, as many for one as for another. */
export async function compare(
  processes: readonly PeerProcess[],
  workload: Workload,
  { seconds, serverProcess, warm }: CompareOptions,
): Promise<ReadonlyMap<PeerName, readonly Measured[]>> {
  const slices = new Map<PeerName, Measured[]>(processes.map(({ name }) => [name, []]))
  const ms = (seconds * 1000) / ROUNDS
  const measure = (process: PeerProcess, round: number, milliseconds: number) =>
    process.ask({ type: 'measure', workload: workload.name, seed: 100 + round, ms: milliseconds })
  if (!warm && workload.clients === 1) {
    // All at once, since nothing comes of it, which leaves the processor idle less often.
    await Promise.all(processes.map((process) => measure(process, 0, WARM_UP * processes.length)))
  } else {
    for (const process of processes) await measure(process, 0, warm ? ms : WARM_UP)
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const process of inTurn(processes, round)) {
      const before = await cpuMsOf(serverProcess)
      const slice = await measure(process, round, ms)
      const after = await cpuMsOf(serverProcess)
      if (slice === undefined) continue
      const serverCpuMs = before === undefined || after === undefined ? undefined : after - before
      slices.get(process.name)?.push({ ...slice, serverCpuMs })
    }
  }
  return new Map([...slices].filter(([, own]) => own.length > 0))
}

/** Each round begins with another one, so that nobody always follows the same. */
function inTurn<T>(list: readonly T[], round: number): readonly T[] {
  const first = round % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}
