import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { Run } from './report.ts'

/** How long a unit takes, a panel for each workload with one client: a picture of the server that came first, as SVG. */
export async function drawChart(runs: readonly Run[]): Promise<string> {
  const server = runs[0]?.server
  const values = runs
    .filter((run) => run.server === server && SHOWN.includes(run.workload))
    .flatMap(({ workload, rtt, results }) =>
      Object.entries(results).map(([peer, { medianMs }]) => ({
        workload,
        peer,
        medianMs,
        away: `${Number(rtt.toPrecision(2))} ms`,
      })),
    )
  const spec: TopLevelSpec = {
    title: `Median milliseconds of a unit, by the server's distance (${server})`,
    data: { values },
    columns: 2,
    facet: { field: 'workload', sort: [...SHOWN], title: null },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 320,
      height: 300,
      mark: { type: 'point', filled: true, size: 60, tooltip: false },
      encoding: {
        x: { field: 'medianMs', type: 'quantitative', scale: { type: 'log' }, title: 'ms' },
        y: { field: 'peer', type: 'nominal', sort: null, title: null },
        color: { field: 'away', type: 'nominal', sort: null, title: 'Away', scale: { scheme: 'viridis' } },
      },
    },
    config: { background: 'white', axis: { grid: true } },
  }
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}

const SHOWN: readonly string[] = ['new-order', 'payment', 'page-read', 'single-write']
