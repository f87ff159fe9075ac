/** Encodes commands as packets. */
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

/** Encodes the check of a statement. Throws a `UsageError` for a forbidden one. */
export function checking(statement: Statement): EncodedCommand {
  assertAllowed(statement)
  return preparing(statement.sql)
}

/** Encodes a statement, as text or prepared. Throws a `UsageError` for a forbidden one. */
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

/** The text of a statement with its values. Throws a `UsageError` for a forbidden one. */
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
