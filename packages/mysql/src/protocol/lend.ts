/** Lends mysql2's connection to code that is not Leasehold's. */
import { UsageError } from '@leasehold/core'
import type { Command, Internals, NativeConnection } from './mysql2-commands.ts'
import { patience, SilenceError } from './patience.ts'

/** Milliseconds for the answers that `use` did not wait for. */
const DRAIN = 5_000

/**
 * Calls `use` with the connection, and waits for the answers to all its commands. Afterwards the connection refuses commands,
 * since `use` may have kept it. Rejects with a `SilenceError` if answers are missing; the connection must then be closed.
 */
export async function lend<T>(
  connection: Internals,
  use: (connection: NativeConnection) => Promise<T>,
): Promise<T> {
  Reflect.deleteProperty(connection, 'addCommand')
  try {
    return await use(connection.promise())
  } finally {
    await drain(connection)
    connection.addCommand = refuse
  }
}

function drain(connection: Internals): Promise<void> {
  return new Promise((resolve, reject) => {
    const heard = patience(DRAIN, () => {
      reject(new SilenceError(`the commands of lease.native were not answered within ${DRAIN} ms of its end`))
    })
    // `use` may have left rows that it did not take.
    connection.resume()
    // mysql2 sends a command after the answer to the one before it, so that this answer is the last.
    connection.ping(() => {
      heard()
      resolve()
    })
  })
}

/** As mysql2 refuses the commands of a closed connection. */
function refuse<C extends Command & { onResult?: (error: Error) => void }>(command: C): C {
  const error = new UsageError(
    'the connection of lease.native was used after its function had settled: await every query inside of it',
  )
  if (command.onResult === undefined) throw error
  command.onResult(error)
  return command
}
