import type { Packet } from './packet.ts'

const names: Readonly<Record<number, string>> = {
  0x01: 'COM_QUIT',
  0x02: 'COM_INIT_DB',
  0x03: 'COM_QUERY',
  0x0e: 'COM_PING',
  0x11: 'COM_CHANGE_USER',
  0x16: 'COM_STMT_PREPARE',
  0x17: 'COM_STMT_EXECUTE',
  0x18: 'COM_STMT_SEND_LONG_DATA',
  0x19: 'COM_STMT_CLOSE',
  0x1a: 'COM_STMT_RESET',
  0x1b: 'COM_SET_OPTION',
  0x1c: 'COM_STMT_FETCH',
  0x1f: 'COM_RESET_CONNECTION',
}

export interface Command {
  readonly name: string
  /** The text of a COM_QUERY or COM_STMT_PREPARE. */
  readonly sql?: string
}

/** The command that a packet carries, or undefined when it carries something else. */
export function commandOf(packet: Packet): Command | undefined {
  const code = packet.payload[0]
  // The client begins every exchange but the first, the login, in which it answers.
  if (packet.from !== 'client' || packet.sequence !== 0 || code === undefined) return undefined
  const name = names[code] ?? `0x${code.toString(16).padStart(2, '0')}`
  if (name === 'COM_STMT_PREPARE') return { name, sql: packet.payload.toString('utf8', 1) }
  if (name === 'COM_QUERY') return { name, sql: packet.payload.toString('utf8', sqlStart(packet.payload)) }
  return { name }
}

/**
 * When both sides know query attributes, the text comes after their number and the number of their sets: 0 and
 * 1, as no query here has any. No text begins with a NUL, so these two bytes tell one form from the other.
 */
function sqlStart(payload: Buffer): number {
  return payload[1] === 0 && payload[2] === 1 ? 3 : 1
}
