import type { RecordedFlight } from './record-flights.ts'

const BAR = 60
const WIDTH = 100

/** Draws the flights of a unit on a common axis, each with what travelled in it. */
export function drawTimeline(title: string, flights: readonly RecordedFlight[]): string {
  const end = endOf(flights)
  const statements = flights.flatMap((flight) => flight.labels).filter((label) => label !== 'commit').length
  const lines = flights.flatMap((flight, index) => [
    `  ${index + 1}  ${drawBar(flight, end)}  ${flight.startMs.toFixed(2)} + ${flight.durationMs.toFixed(2)} ms`,
    ...wrap(countEqual(flight.labels), WIDTH).map((text) => `     ${text}`),
  ])
  return [
    `${title}: ${statements} statements, ${flights.length} flights, ${end.toFixed(2)} ms`,
    ...lines,
  ].join('\n')
}

/** When the last answer came. */
export function endOf(flights: readonly RecordedFlight[]): number {
  return Math.max(...flights.map((flight) => flight.startMs + flight.durationMs))
}

function drawBar({ startMs, durationMs }: RecordedFlight, end: number): string {
  const from = Math.round((startMs / end) * BAR)
  const length = Math.max(1, Math.round((durationMs / end) * BAR))
  return (' '.repeat(Math.min(from, BAR - 1)) + '█'.repeat(length)).slice(0, BAR).padEnd(BAR)
}

/** `a × 2, b` for a, b, a: in the order in which they first appear. */
export function countEqual(labels: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts].map(([label, count]) => (count === 1 ? label : `${label} × ${count}`))
}

function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    const longer = line === '' ? word : `${line}, ${word}`
    if (longer.length <= width || line === '') line = longer
    else {
      lines.push(`${line},`)
      line = word
    }
  }
  return [...lines, line]
}
