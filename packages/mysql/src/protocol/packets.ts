/** Commands as they are written (MySQL Source Documentation, "Command Phase"), without query attributes. */

const COM_QUIT = 0x01
const COM_QUERY = 0x03
const COM_STMT_PREPARE = 0x16
const COM_STMT_CLOSE = 0x19
const COM_RESET_CONNECTION = 0x1f

/** Bytes before the payload of a packet: its length and its number. */
export const PACKET_HEADER = 4
/** A payload of this size or more goes on in a further packet. */
const LONGEST_PAYLOAD = 0xff_ff_ff

export function queryPacket(sql: string): Buffer {
  return textPacket(COM_QUERY, sql)
}

export function preparePacket(sql: string): Buffer {
  return textPacket(COM_STMT_PREPARE, sql)
}

export function resetPacket(): Buffer {
  return textPacket(COM_RESET_CONNECTION, '')
}

/** Has no answer. */
export function quitPacket(): Buffer {
  return textPacket(COM_QUIT, '')
}

/** Has no answer. */
export function closePacket(statement: number): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_HEADER + 5)
  packet[PACKET_HEADER] = COM_STMT_CLOSE
  packet.writeUInt32LE(statement, PACKET_HEADER + 1)
  return withHeader(packet)
}

/** Writes the header into the four bytes that were left for it; a payload beyond 16 MB becomes several packets. */
export function withHeader(packet: Buffer): Buffer {
  const size = packet.length - PACKET_HEADER
  if (size >= LONGEST_PAYLOAD) return split(packet.subarray(PACKET_HEADER))
  packet.writeUInt32LE(size, 0)
  return packet
}

/** The number of packets that a command of this size, headers included, was written in. */
export function packetCount(bytes: number): number {
  return Math.floor((bytes - PACKET_HEADER) / (LONGEST_PAYLOAD + PACKET_HEADER)) + 1
}

function textPacket(command: number, text: string): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_HEADER + 1 + Buffer.byteLength(text))
  packet[PACKET_HEADER] = command
  packet.write(text, PACKET_HEADER + 1)
  return withHeader(packet)
}

/** One that is full says that another follows, if only an empty one. */
function split(payload: Buffer): Buffer {
  const packets: Buffer[] = []
  for (let from = 0, number = 0; from <= payload.length; from += LONGEST_PAYLOAD, number += 1) {
    const part = payload.subarray(from, from + LONGEST_PAYLOAD)
    const header = Buffer.alloc(PACKET_HEADER)
    header.writeUIntLE(part.length, 0, 3)
    header[3] = number
    packets.push(header, part)
  }
  return Buffer.concat(packets)
}
