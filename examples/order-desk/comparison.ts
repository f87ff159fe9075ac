import type { Alone } from './alone.ts'
import type { Summaries } from './report.ts'
import type { Summary } from './statistics.ts'
import { formatTable } from './table.ts'

/** The two runs side by side; the ratio is that of the units per second. */
export function compareRuns(inFlights: Summaries, serial: Summaries): string {
  const rows = Object.entries(inFlights).flatMap(([name, summary]) => {
    const other = serial[name]
    if (other === undefined) return []
    return [[name].concat(speed(summary), '│', speed(other), ratio(summary.perSecond, other.perSecond))]
  })
  const totals = [unitsPerSecond(inFlights), unitsPerSecond(serial)] as const
  return formatTable([
    ['', 'in flights', '', '', '', '', '│', 'one by one', '', '', '', '', ''],
    ['', ...FIGURES, '│', ...FIGURES, 'ratio'],
    ...rows,
    [
      'all',
      totals[0].toFixed(1),
      '',
      '',
      '',
      '',
      '│',
      totals[1].toFixed(1),
      '',
      '',
      '',
      '',
      ratio(...totals),
    ],
  ])
}

const FIGURES = ['units/s', 'p50', 'p95', 'p99', 'flights']

function speed({ perSecond, p50, p95, p99, flights }: Summary): string[] {
  return [perSecond.toFixed(1), p50.toFixed(2), p95.toFixed(2), p99.toFixed(2), flights.toFixed(1)]
}

function unitsPerSecond(summaries: Summaries): number {
  return Object.values(summaries).reduce((sum, summary) => sum + summary.perSecond, 0)
}

function ratio(perSecond: number, other: number): string {
  return other === 0 ? '–' : `${(perSecond / other).toFixed(1)} ×`
}

/** Why the runs differ less than their flights do, where that is so. */
export function explainRatio(clients: number, cores: number): string | undefined {
  if (clients <= cores) return undefined
  return (
    `The ratio is one of work more than of waiting: ${clients} clients keep ` +
    `${cores === 1 ? 'the only core' : `all ${cores} cores`} of this machine busy.`
  )
}

export function compareAlone({ 'New-Order': inFlights, serial, ratio }: Alone): string {
  return [
    `New-Order by itself, one client: ${figure(inFlights.perSecond)} units/s in ${count(inFlights.flights)} ` +
      `flights, ${figure(serial.perSecond)} statement by statement: ${ratio.toFixed(1)} ×`,
    `  p50 ${inFlights.p50.toFixed(2)} ms, and ${serial.p50.toFixed(2)} ms in ${count(serial.flights)} flights`,
  ].join('\n')
}

/** With three digits that count, or more. */
function figure(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0)
}

/** A mean of whole numbers, as one where it is one. */
function count(mean: number): string {
  return String(Number(mean.toFixed(1)))
}

/** How the units of both runs ended: in flights / one by one. */
export function compareEnds(inFlights: Summaries, serial: Summaries): string {
  const rows = Object.entries(inFlights).map(([name, summary]) =>
    [name].concat(ENDS.map((end) => `${summary[end]} / ${serial[name]?.[end] ?? 0}`)),
  )
  return formatTable([['', 'committed', 'rolled back', 'retries', 'failures'], ...rows])
}

const ENDS = ['count', 'rolledBack', 'retries', 'failures'] as const
