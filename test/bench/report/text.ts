import { formatTable } from '../../../examples/order-desk/table.ts'
import type { Run } from './report.ts'

const HEAD = ['', 'units/s', 'ratio', 'median', 'p99', 'trips', 'cpu', 'server', 'gc', 'heap']

/** A run as a table for the terminal. */
export function describeRun({ title, server, rtt, results }: Run): string {
  const rows = Object.entries(results).map(([peer, figures]) => [
    peer,
    short(figures.perSecond),
    `${short(figures.behind)}×`,
    short(figures.medianMs),
    short(figures.p99Ms),
    short(figures.roundTrips),
    short(figures.cpuMsPerUnit),
    short(figures.serverCpuMsPerUnit ?? Number.NaN),
    short(figures.gcMsPerUnit),
    short(figures.heapMb),
  ])
  return `${title}; ${server}, ${rtt.toFixed(2)} ms away\n${formatTable([HEAD, ...rows])}\n`
}

/** Three digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 4))
}
