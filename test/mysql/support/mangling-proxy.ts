/**
 * A stand-in for proxies that take commands one at a time, and read on by the length of the command before when more than
 * one has come: a longer one behind it is cut there, and the rest taken for the next.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { ServerAddress } from '@leasehold/test-support/server'

const HEADER = 4

export interface ManglingProxy {
  readonly host: string
  readonly port: number
  stop(): Promise<void>
}

export async function startManglingProxy(target: ServerAddress): Promise<ManglingProxy> {
  const sockets: Socket[] = []
  const listener = createServer((client) => {
    const server = connect(target.port, target.host)
    sockets.push(client, server)
    server.pipe(client)
    client.on('data', (chunk) => server.write(Buffer.concat([...mangled(chunk)])))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { address, port } = listener.address() as AddressInfo
  return {
    host: address,
    port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}

/** What becomes of packets that came together. */
function* mangled(chunk: Buffer): Generator<Buffer> {
  let before = Infinity
  for (let at = 0; at + HEADER < chunk.length;) {
    const length = chunk.readUIntLE(at, 3)
    const taken = Math.min(length, before)
    yield packet(chunk.subarray(at + HEADER, at + HEADER + taken), chunk.readUInt8(at + 3))
    if (taken < length) yield packet(chunk.subarray(at + HEADER + taken, at + HEADER + length), 0)
    before = length
    at += HEADER + length
  }
}

function packet(payload: Buffer, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUIntLE(payload.length, 0, 3)
  header.writeUInt8(sequence, 3)
  return Buffer.concat([header, payload])
}
