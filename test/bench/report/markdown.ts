import type { Figures } from './figures.ts'
import type { Report, Run } from './report.ts'
import { short } from './text.ts'

/** The whole report, a table for each workload on each server. */
export function toMarkdown(report: Report): string {
  const { machine, versions, seconds, runs } = report
  const groups = Map.groupBy(runs, ({ server, workload }) => `${server}: ${workload}`)
  return [
    '# Benchmark results',
    'Written by `npm run bench -- --report`; [what the figures mean](../benchmarks.md).',
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, load ${machine.load}; ${seconds} s for each figure.`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    '## Where others are faster',
    ...whereOthersAreFaster(runs),
    ...[...groups].flatMap(([name, group]) => describeGroup(name, group)),
    '',
  ].join('\n\n')
}

/** One workload on one server, from all distances. */
function describeGroup(name: string, runs: readonly Run[]): string[] {
  const [near] = runs
  if (near === undefined) return []
  const peers = Object.entries(near.results)
  const paces = table(
    ['', ...runs.map(({ rtt }) => `${away(rtt)}: units/s`), 'median ms', 'p99 ms', 'max ms'],
    peers.map(([peer, figures]) => [
      peer,
      ...runs.map(({ results }) => pace(results[peer])),
      short(figures.medianMs),
      short(figures.p99Ms),
      short(figures.maxMs),
    ]),
  )
  const costs = table(
    ['', 'round trips', 'bytes sent', 'received', 'client CPU ms', 'server CPU ms', 'GC ms', 'heap MB'],
    peers.map(([peer, figures]) => [
      peer,
      short(figures.roundTrips),
      Math.round(figures.bytesSent).toString(),
      Math.round(figures.bytesReceived).toString(),
      short(figures.cpuMsPerUnit),
      figures.serverCpuMsPerUnit === undefined ? '–' : short(figures.serverCpuMsPerUnit),
      short(figures.gcMsPerUnit),
      short(figures.heapMb),
    ]),
  )
  return [
    `## ${name}`,
    `${near.title}. In parentheses: how many times as many Leasehold did.`,
    paces,
    `Of each unit, ${away(near.rtt)}:`,
    costs,
  ]
}

/** What is nearer to 1 is as good as equal. */
const NOTICEABLE = 0.95

function whereOthersAreFaster(runs: readonly Run[]): string[] {
  const lines = runs.flatMap(({ server, workload, rtt, results }) => {
    const faster = Object.entries(results).filter(([, { behind }], index) => index > 0 && behind < NOTICEABLE)
    if (faster.length === 0) return []
    const list = faster.map(([peer, { behind }]) => `${peer} ${short(1 / behind)}×`).join(', ')
    return [`- ${workload}, ${server}, ${away(rtt)}: ${list}`]
  })
  return lines.length === 0 ? ['Nowhere.'] : [lines.join('\n')]
}

/** With the spread of the rounds, in percent of their median. */
function pace(figures: Figures | undefined): string {
  if (figures === undefined) return '–'
  const { perSecond, perSecondRange, behind } = figures
  const [low, high] = perSecondRange
  const spread = Math.round(((high - low) / 2 / perSecond) * 100)
  return `${short(perSecond)} ±${spread} % (${short(behind)}×)`
}

function away(rtt: number): string {
  return rtt === 0 ? 'no distance' : `${rtt.toFixed(2)} ms away`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [head, rule, ...rows].map(line).join('\n')
}
