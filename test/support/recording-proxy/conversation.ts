import type { Socket } from 'node:net'
import { encode, type Packet, PacketReader, type Side } from './packet.ts'

/** What becomes of a packet: goes on its way, once or twice at once, is lost on it, or takes the connection with it. */
export type Verdict = 'forward' | 'repeat' | 'drop' | 'cut'

export type OnPacket = (packet: Packet, conversation: Conversation) => Verdict

/** One connection of a client through the proxy, from the server's greeting on. */
export class Conversation {
  readonly #sockets: Readonly<Record<Side, Socket>>
  readonly #onPacket: OnPacket
  readonly #packets: Packet[] = []

  constructor(client: Socket, server: Socket, onPacket: OnPacket) {
    this.#sockets = { client, server }
    this.#onPacket = onPacket
    this.#relay('client', 'server')
    this.#relay('server', 'client')
  }

  /** Everything that was said so far, lost packets included, in the order of arrival. */
  get packets(): readonly Packet[] {
    return this.#packets
  }

  get isOpen(): boolean {
    return !this.#sockets.client.destroyed
  }

  /** Ends the connection on both sides, as a broken network would. */
  cut(): void {
    for (const socket of this.#both()) socket.destroy()
  }

  pause(): void {
    for (const socket of this.#both()) socket.pause()
  }

  resume(): void {
    for (const socket of this.#both()) socket.resume()
  }

  #both(): Socket[] {
    return Object.values(this.#sockets)
  }

  #relay(from: Side, to: Side): void {
    const reader = new PacketReader(from)
    const [source, destination] = [this.#sockets[from], this.#sockets[to]]
    source.on('data', (chunk) => {
      for (const packet of reader.read(chunk)) {
        this.#packets.push(packet)
        const verdict = this.#onPacket(packet, this)
        if (verdict === 'cut') {
          this.cut()
          return
        }
        const bytes = encode(packet)
        if (verdict === 'forward') destination.write(bytes)
        if (verdict === 'repeat') destination.write(Buffer.concat([bytes, bytes]))
      }
    })
    source.on('end', () => {
      destination.end()
    })
    // Whichever side breaks off, the other one sees it.
    source.on('error', () => {
      this.cut()
    })
    source.on('close', (hadError) => {
      if (hadError) this.cut()
    })
  }
}
