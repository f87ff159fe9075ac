/** Lends mysql2's connection to code that is not Leasehold's. */
import { UsageError } from '@leasehold/core'
import type { Command, Internals, NativeConnection } from './mysql2-commands.ts'

/**
 * Calls `use` with the connection, and waits for the answers to all its commands. Afterwards the connection refuses commands,
 * since `use` may have kept it.
 */
export async function lend<T>(
  connection: Internals,
  use: (connection: NativeConnection) => Promise<T>,
): Promise<T> {
  Reflect.deleteProperty(connection, 'addCommand')
  try {
    return await use(connection.promise())
  } finally {
    // mysql2 sends a command after the answer to the one before it, so that this answer is the last.
    await new Promise<void>((resolve) => connection.ping(() => resolve()))
    connection.addCommand = refuse
  }
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
