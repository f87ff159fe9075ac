/** `npm run soak`: does the library stay sound while the network and the server fail? */
import { writeFile } from 'node:fs/promises'
import { startServer } from '@leasehold/test-support/server'
import { type Options, OptionsError, parseOptions } from './options.ts'
import { describe, failedChecks } from './report.ts'
import { soak } from './soak.ts'

async function main({ minutes, kind, seed, reportFile }: Options): Promise<number> {
  console.log(`seed ${seed}`)
  const server = await startServer({ kind, durable: true, log: console.log })
  try {
    const report = await soak(server, { minutes, seed })
    console.log(describe(report))
    if (reportFile !== undefined) await writeFile(reportFile, `${JSON.stringify(report, undefined, 2)}\n`)
    return failedChecks(report).length === 0 ? 0 : 1
  } finally {
    await server.stop()
  }
}

let status = 1
try {
  status = await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof OptionsError ? error.message : error)
}
// What hangs, and was told of, must not keep the process.
process.exit(status)
