/** `npm run bench:abort`: from a caller's abort to free locks, on a server that it starts and stops. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type ServerKind, startServer } from '@leasehold/test-support/server'
import { type AbortReport, measureAborts } from './abort-locks.ts'

const usage = 'npm run bench:abort -- [--server mariadb|mysql] [--aborts N] [--report FILE]'

/** What the slowest of a hundred aborts is to stay below, in milliseconds. */
const GOAL = 250

interface Options {
  readonly kind: ServerKind
  readonly aborts: number
  readonly file: string | undefined
}

function parseOptions(args: string[]): Options {
  const string = { type: 'string' } as const
  const { values } = parseArgs({ args, options: { server: string, aborts: string, report: string } })
  const { server: kind = 'mariadb', aborts = '200', report: file } = values
  if (kind !== 'mariadb' && kind !== 'mysql') {
    throw new Error(`--server: expected mariadb or mysql, got "${kind}"`)
  }
  if (!/^[1-9]\d*$/.test(aborts)) {
    throw new Error(`--aborts: expected a whole number from 1, got "${aborts}"`)
  }
  return { kind, aborts: Number(aborts), file }
}

async function main({ kind, aborts, file }: Options): Promise<void> {
  const server = await startServer({ kind, log: console.log })
  try {
    const report = await measureAborts(server, aborts)
    console.log(describe(report))
    if (file !== undefined) await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`)
  } finally {
    await server.stop()
  }
}

function describe({ server, abortedIn }: AbortReport): string {
  const all = Object.entries(abortedIn)
  const slowest = Math.max(...all.map(([, { freed }]) => freed.p99))
  return [
    `${server}, milliseconds from the abort`,
    row('', Object.keys(all[0]?.[1].freed ?? {})),
    ...all.flatMap(([activity, { aborts, settled, freed }]) => [
      row(`${activity} × ${aborts}: unit settled`, Object.values(settled)),
      row('lock free', Object.values(freed)),
    ]),
    `99 of 100 locks are free after ${slowest} ms at most; the goal is ${GOAL}`,
  ].join('\n')
}

function row(title: string, cells: readonly (string | number)[]): string {
  return [title.padStart(32), ...cells.map((cell) => String(cell).padStart(8))].join('')
}

let options: Options
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`)
  process.exit(1)
}
try {
  await main(options)
} catch (error) {
  console.error(error)
  // What hangs, and was told of, must not keep the process.
  process.exit(1)
}
