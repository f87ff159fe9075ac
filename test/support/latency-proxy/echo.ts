import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '../endpoint.ts'

const warmUps = 10
const samples = 41

/** How long round trips to an echo server take that is reached the given way, in milliseconds. */
export async function measureRoundTrips(reach: (echo: Endpoint) => Promise<Endpoint>): Promise<number[]> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address: host, port } = server.address() as AddressInfo
  const socket = connect({ ...(await reach({ host, port })), noDelay: true })
  try {
    await once(socket, 'connect')
    for (let i = 0; i < warmUps; i += 1) await roundTrip(socket)
    const times: number[] = []
    for (let i = 0; i < samples; i += 1) times.push(await roundTrip(socket))
    return times
  } finally {
    socket.destroy()
    server.close()
  }
}

async function roundTrip(socket: Socket): Promise<number> {
  const start = performance.now()
  socket.write('?')
  await once(socket, 'data')
  return performance.now() - start
}

export function quantile(values: readonly number[], share: number): number {
  const ascending = values.toSorted((a, b) => a - b)
  return ascending[Math.floor((ascending.length - 1) * share)] ?? Number.NaN
}
