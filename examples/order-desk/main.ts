/** The demo: `npm run demo -- --help`. */
import { open } from 'node:fs/promises'
import { openDeskServer, ServerError } from './desk-server.ts'
import { Interrupted, interruption } from './interrupt.ts'
import { HELP, type Options, OptionsError, parseOptions } from './options.ts'
import { type OrderLine, OrdersFileError, readOrders } from './orders-file.ts'
import { runDesk } from './run-desk.ts'

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (options === 'help') {
    console.log(HELP)
    return 0
  }
  // What can be wrong with the files is told at once, not after a minute of loading.
  const written = options.ordersFile === undefined ? undefined : await readOrders(options.ordersFile)
  if (options.reportFile !== undefined) await checkWritable(options.reportFile)
  return withServer(options, written)
}

async function withServer(options: Options, written: readonly OrderLine[] | undefined): Promise<number> {
  const { signal, stop } = interruption()
  try {
    const server = await openDeskServer(options.url, console.log)
    try {
      return await runDesk(server, options, written, signal)
    } finally {
      await server.close()
    }
  } finally {
    stop()
  }
}

async function checkWritable(file: string): Promise<void> {
  try {
    await (await open(file, 'a')).close()
  } catch (error) {
    throw new OptionsError(
      `--report: cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = error instanceof Interrupted ? 130 : 1
  const forPerson = [OptionsError, OrdersFileError, ServerError, Interrupted].some(
    (kind) => error instanceof kind,
  )
  console.error(forPerson && error instanceof Error ? error.message : error)
}
