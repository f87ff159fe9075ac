import { writeFile } from 'node:fs/promises'
import { drawChart } from './chart.ts'
import { toMarkdown } from './markdown.ts'
import type { Report } from './report.ts'

/** Writes the JSON to the file, and the tables and the chart beside it. */
export async function writeReport(file: string, report: Report): Promise<void> {
  const name = file.replace(/\.json$/, '')
  await writeFile(file, `${JSON.stringify(report, fourDigits)}\n`)
  await writeFile(`${name}.md`, toMarkdown(report))
  await writeFile(`${name}.svg`, `${await drawChart(report.runs)}\n`)
}

function fourDigits(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}
