export type Side = 'client' | 'server'

/** One packet of the MySQL protocol, without its header. */
export interface Packet {
  readonly from: Side
  /** When its last byte arrived, on the clock of `performance.now()`. */
  readonly at: number
  /** Its place in the exchange that it belongs to: 0 begins a new one. */
  readonly sequence: number
  readonly payload: Buffer
}

/** Three bytes of length and one of sequence, little-endian. */
const headerLength = 4

/** Cuts a stream of bytes into packets, wherever the network has cut it. */
export class PacketReader {
  readonly #from: Side
  #rest: Buffer = Buffer.alloc(0)

  constructor(from: Side) {
    this.#from = from
  }

  *read(chunk: Buffer): Generator<Packet> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      if (this.#rest.length < headerLength) return
      const end = headerLength + this.#rest.readUIntLE(0, 3)
      if (this.#rest.length < end) return
      const packet: Packet = {
        from: this.#from,
        at: performance.now(),
        sequence: this.#rest.readUInt8(3),
        payload: Buffer.from(this.#rest.subarray(headerLength, end)),
      }
      this.#rest = this.#rest.subarray(end)
      yield packet
    }
  }
}

export function encode({ sequence, payload }: Packet): Buffer {
  const header = Buffer.alloc(headerLength)
  header.writeUIntLE(payload.length, 0, 3)
  header.writeUInt8(sequence, 3)
  return Buffer.concat([header, payload])
}
