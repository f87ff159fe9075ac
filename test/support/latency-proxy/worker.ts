/** The thread of the latency proxy: does what the messages of `ProxyThread` ask for. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type MessagePort, parentPort } from 'node:worker_threads'
import type { Endpoint } from '../endpoint.ts'
import { relay } from './relay.ts'
import { Schedule } from './schedule.ts'

/** The delay holds for all entrances; the reply is the new entrance. */
export interface ListenRequest {
  readonly target: Endpoint
  readonly delayMs: number
  readonly reply: MessagePort
}

// Each direction ends by itself: the answer may go on when the question is over.
const socketOptions = { allowHalfOpen: true, noDelay: true }
const schedule = new Schedule(0)

parentPort?.on('message', ({ target, delayMs, reply }: ListenRequest) => {
  schedule.delayMs = delayMs
  const server = createServer(socketOptions, (client) => {
    join(client, connect({ ...target, ...socketOptions }))
  })
  server.listen(0, '127.0.0.1', () => {
    const { address: host, port } = server.address() as AddressInfo
    reply.postMessage({ host, port } satisfies Endpoint)
  })
})

function join(client: Socket, server: Socket): void {
  relay(client, server, schedule)
  relay(server, client, schedule)
}
