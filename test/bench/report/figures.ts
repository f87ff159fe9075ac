import { percentile } from '../../../examples/order-desk/statistics.ts'
import type { PeerName } from '../peers/index.ts'
import type { Measured } from '../runner/compare.ts'
import type { Counts } from '../runner/counting-relay.ts'

/** What one peer did with one workload; sizes and milliseconds without a name of their own are per unit. */
export interface Figures {
  /** The median of the rounds, the lowest and the highest. */
  readonly perSecond: number
  readonly perSecondRange: readonly [number, number]
  /** How many times as many units a second the first peer did: the median of the ratios of each round. */
  readonly behind: number
  readonly units: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly roundTrips: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly cpuMsPerUnit: number
  readonly serverCpuMsPerUnit: number | undefined
  readonly gcMsPerUnit: number
  readonly heapMb: number
}

export function figuresOf(
  slices: ReadonlyMap<PeerName, readonly Measured[]>,
  counts: ReadonlyMap<PeerName, Counts>,
): Readonly<Record<string, Figures>> {
  const [first = []] = slices.values()
  return Object.fromEntries([...slices].map(([peer, own]) => [peer, figures(own, first, counts.get(peer))]))
}

function figures(own: readonly Measured[], first: readonly Measured[], counts: Counts | undefined): Figures {
  const paces = own.map(paceOf).toSorted(ascending)
  const ratios = own.map((slice, round) => paceOf(first[round] ?? slice) / paceOf(slice)).toSorted(ascending)
  const durations = own.flatMap((slice) => [...slice.durations]).toSorted(ascending)
  const units = durations.length
  const sum = (value: (slice: Measured) => number) => own.reduce((total, slice) => total + value(slice), 0)
  const onServer = own.every((slice) => slice.serverCpuMs !== undefined)
  return {
    perSecond: percentile(paces, 50),
    perSecondRange: [paces[0] ?? 0, paces.at(-1) ?? 0],
    behind: percentile(ratios, 50),
    units,
    medianMs: percentile(durations, 50),
    p99Ms: percentile(durations, 99),
    maxMs: durations.at(-1) ?? 0,
    roundTrips: counts?.roundTrips ?? Number.NaN,
    bytesSent: counts?.bytesSent ?? Number.NaN,
    bytesReceived: counts?.bytesReceived ?? Number.NaN,
    cpuMsPerUnit: sum((slice) => slice.cpuMs) / units,
    serverCpuMsPerUnit: onServer ? sum((slice) => slice.serverCpuMs ?? 0) / units : undefined,
    gcMsPerUnit: sum((slice) => slice.gcMs) / units,
    heapMb: percentile(own.map((slice) => slice.heapMb).toSorted(ascending), 50),
  }
}

const paceOf = ({ durations, seconds }: Measured) => durations.length / seconds

const ascending = (a: number, b: number) => a - b
