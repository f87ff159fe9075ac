/** Encodes command packets (MySQL Source Documentation, "Command Phase"), without query attributes. */

const COM_QUIT = 0x01
const COM_QUERY = 0x03
const COM_STMT_PREPARE = 0x16
const COM_STMT_CLOSE = 0x19
const COM_RESET_CONNECTION = 0x1f

/** Bytes of a packet's header: length of the payload (3) and sequence number (1). */
export const PACKET_HEADER = 4
/** A payload of this size or more continues in a further packet. */
const MAX_PAYLOAD_BYTES = 0xff_ff_ff

export function queryPacket(sql: string): Buffer {
  return textPacket(COM_QUERY, sql)
}

export function preparePacket(sql: string): Buffer {
  return textPacket(COM_STMT_PREPARE, sql)
}

export function resetPacket(): Buffer {
  return textPacket(COM_RESET_CONNECTION, '')
}

/** COM_QUIT has no answer. */
export function quitPacket(): Buffer {
  return textPacket(COM_QUIT, '')
}

/** COM_STMT_CLOSE has no answer. */
export function closePacket(statement: number): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_HEADER + 5)
  packet[PACKET_HEADER] = COM_STMT_CLOSE
  packet.writeUInt32LE(statement, PACKET_HEADER + 1)
  return withHeader(packet)
}

/** Fills in the header, the first four bytes of `packet`. A payload from 16 MB on becomes several packets. */
export function withHeader(packet: Buffer): Buffer {
  const size = packet.length - PACKET_HEADER
  if (size >= MAX_PAYLOAD_BYTES) return split(packet.subarray(PACKET_HEADER))
  packet.writeUInt32LE(size, 0)
  return packet
}

/** Number of packets of a command of `bytes` bytes, headers included. */
export function packetCount(bytes: number): number {
  return Math.floor((bytes - PACKET_HEADER) / (MAX_PAYLOAD_BYTES + PACKET_HEADER)) + 1
}

function textPacket(command: number, text: string): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_HEADER + 1 + Buffer.byteLength(text))
  packet[PACKET_HEADER] = command
  packet.write(text, PACKET_HEADER + 1)
  return withHeader(packet)
}

/** After a full packet, another one must follow, even an empty one. */
function split(payload: Buffer): Buffer {
  const packets: Buffer[] = []
  for (let from = 0, number = 0; from <= payload.length; from += MAX_PAYLOAD_BYTES, number += 1) {
    const part = payload.subarray(from, from + MAX_PAYLOAD_BYTES)
    const header = Buffer.alloc(PACKET_HEADER)
    header.writeUIntLE(part.length, 0, 3)
    header[3] = number
    packets.push(header, part)
  }
  return Buffer.concat(packets)
}
