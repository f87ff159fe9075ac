/** `npm run adversary`: random programs under random faults, held against what is promised. */
import { startServer } from '@leasehold/test-support/server'
import { search } from './adversary.ts'
import { type Options, OptionsError, parseOptions } from './options.ts'

/** Who waits for a lock waits for a second, so that many such waits fit into a round. */
const ARGS = ['--innodb-lock-wait-timeout=1', '--lock-wait-timeout=2']

async function main({ minutes, kind, seed, mode }: Options): Promise<number> {
  console.log(`seed ${seed}`)
  const server = await startServer({ kind, durable: true, log: console.log, args: ARGS })
  try {
    const { summary, found } = await search({ server, minutes, seed, mode, log: console.log })
    console.log(`${server.kind} ${server.version}, seed ${seed}: ${found} kinds of violations in ${summary}`)
    return found === 0 ? 0 : 1
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
