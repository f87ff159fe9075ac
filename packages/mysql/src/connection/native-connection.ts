/** Lends the session to code that uses mysql2 by itself. */
import { UsageError } from '@leasehold/core'
import type { NativeConnection } from '../protocol/mysql2-commands.ts'
import type { Wire } from '../protocol/wire.ts'
import { text } from './encode-command.ts'
import { STATUS } from './session-sql.ts'

/**
 * Settles as `use` does, once the session has no transaction open. Rejects with a `UsageError` if `use` succeeded and left one
 * open, which is then rolled back. Autocommit stays on, as in a connection of mysql2's own.
 */
export async function lendNative<T>(
  wire: Wire,
  use: (connection: NativeConnection) => Promise<T>,
): Promise<T> {
  await control(wire, 'SET autocommit = 1')
  const [used] = await Promise.allSettled([wire.lend(use)])
  const [closed] = await Promise.allSettled([assertClosed(wire)])
  if (closed.status === 'rejected' && !(closed.reason instanceof UsageError)) {
    // Such as an XA transaction, which ROLLBACK does not end.
    wire.destroy(closed.reason as Error)
  }
  if (used.status === 'rejected') throw used.reason
  if (closed.status === 'rejected') throw closed.reason
  return used.value
}

async function assertClosed(wire: Wire): Promise<void> {
  const status = await control(wire, 'DO 0')
  if ((status & STATUS.IN_TRANS) === 0) return
  await control(wire, 'ROLLBACK')
  throw new UsageError(
    'the function of lease.native left a transaction open, which was rolled back: end it there',
  )
}

/** Sends one command, and returns the server's status. */
async function control(wire: Wire, sql: string): Promise<number> {
  const [outcome] = await wire.fly([text(sql)])
  if (outcome instanceof Error) throw outcome
  return outcome?.status ?? 0
}
