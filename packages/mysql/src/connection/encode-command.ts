/** What is written for a command. */
import type { Statement, StatementCommand } from '@leasehold/core'
import { assertNoControl, assertNoDefinition } from './forbidden-sql.ts'
import { executePacket } from '../values/binary-parameters.ts'
import { preparePacket, queryPacket, resetPacket } from '../protocol/packets.ts'
import { assertBindable, bind, type EscapeMode } from '../values/text-parameters.ts'
import type { Prepared } from '../protocol/reply-readers.ts'
import type { CommandEncoder, EncodedCommand } from '../protocol/wire.ts'

export const RESET: CommandEncoder = () => ({ packet: resetPacket(), answer: 'text' })

export function text(sql: string): CommandEncoder {
  return () => inText(sql)
}

export function inText(sql: string): EncodedCommand {
  return { packet: queryPacket(sql), answer: 'text' }
}

function preparing(sql: string): EncodedCommand {
  return { packet: preparePacket(sql), answer: 'prepared' }
}

/** Has the server look at a statement. Throws a `UsageError` for what must not be sent. */
export function checking(statement: Statement): EncodedCommand {
  assertAllowed(statement)
  return preparing(statement.sql)
}

/** A statement, as its text or as the prepared one. Throws a `UsageError` for what must not be sent. */
export function written(
  command: StatementCommand,
  prepared: Prepared | undefined,
  mode: EscapeMode,
): EncodedCommand {
  if (prepared !== undefined) {
    assertBindable(command, mode)
    const packet = executePacket(prepared, command.statement, mode.server)
    if (packet !== undefined) return { packet, answer: 'binary' }
  }
  return inText(textOf(command, mode))
}

/** The text of a statement with its values. Throws a `UsageError` for what must not be sent. */
export function textOf(command: StatementCommand, mode: EscapeMode): string {
  assertAllowed(command.statement)
  assertBindable(command, mode)
  return bind(command.statement, mode)
}

function assertAllowed(statement: Statement): void {
  if (statement.kind !== 'unknown') return
  assertNoDefinition(statement.compiled.query)
  assertNoControl(statement.readings)
}
