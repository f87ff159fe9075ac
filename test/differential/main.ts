/** `npm run differential`: random statements, prepared and as text, and values given back, held against each other. */
import { startServer } from '@leasehold/test-support/server'
import { type Options, OptionsError, parseOptions } from '../adversary/options.ts'
import { search } from './search.ts'

async function main({ minutes, kind, seed }: Options): Promise<number> {
  console.log(`seed ${seed}`)
  const server = await startServer({ kind, log: console.log })
  try {
    const { found, summary } = await search({ server, minutes, seed, log: console.log })
    console.log(`${server.kind} ${server.version}, seed ${seed}: ${found} kinds of differences in ${summary}`)
    return found === 0 ? 0 : 1
  } finally {
    await server.stop()
  }
}

const USAGE = 'npm run differential -- [--minutes N] [--server mariadb|mysql] [--seed N]'

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2), USAGE))
} catch (error) {
  console.error(error instanceof OptionsError ? error.message : error)
  process.exitCode = 1
}
