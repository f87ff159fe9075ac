import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Counts {
  readonly roundTrips: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

export interface CountingRelay {
  readonly uri: string
  /** What was sent while the action ran. */
  count(action: () => Promise<unknown>): Promise<Counts>
  stop(): Promise<void>
}

/**
 * Milliseconds for which an answer is held back. Whoever does not wait for it has sent what there was to send by then,
 * so that what comes after it is another round trip.
 */
export const HOLD = 2

/**
 * Stands before the server and counts: a round trip is what a client sends after it was given an answer. With nothing
 * held back it counts too many, and is quick.
 */
export async function startCountingRelay(uri: string, hold: number): Promise<CountingRelay> {
  const { hostname, port } = new URL(uri)
  let counts = { roundTrips: 0, bytesSent: 0, bytesReceived: 0 }
  let counting = false
  const sockets = new Set<Socket>()

  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port), noDelay: true })
    let waiting = false
    let held: Buffer[] = []
    const rendezvous = () => {
      waiting = false
      client.write(Buffer.concat(held))
      held = []
    }
    client.on('data', (chunk) => {
      if (!waiting) counts.roundTrips += 1
      waiting = true
      counts.bytesSent += chunk.length
      server.write(chunk)
    })
    server.on('data', (chunk) => {
      counts.bytesReceived += chunk.length
      held.push(chunk)
      if (!counting || hold === 0) rendezvous()
      else if (held.length === 1) setTimeout(rendezvous, hold)
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')

  const entrance = new URL(uri)
  entrance.port = String((listener.address() as AddressInfo).port)
  return {
    uri: entrance.href,
    async count(action) {
      counts = { roundTrips: 0, bytesSent: 0, bytesReceived: 0 }
      counting = true
      await action()
      counting = false
      return counts
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
