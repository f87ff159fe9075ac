import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Endpoint } from '../endpoint.ts'
import { Link } from './link.ts'

export interface FaultProxyOptions {
  /** Asked for each connection, where it is a function: balancers lead elsewhere each time. */
  readonly target: Endpoint | (() => Endpoint)
  /** Has every byte travel by itself, as the worst of networks might. */
  readonly sliced?: boolean
}

export interface FaultProxy extends Endpoint {
  /** The connections through the proxy that are open, oldest first. */
  readonly links: readonly Link[]
  stop(): Promise<void>
}

/** Stands between a client and a server and does to the bytes what networks do; knows nothing of what they mean. */
export async function startFaultProxy({ target, sliced = false }: FaultProxyOptions): Promise<FaultProxy> {
  const links = new Set<Link>()
  const listener = createServer({ noDelay: true }, (client) => {
    const { host, port } = typeof target === 'function' ? target() : target
    const link = new Link(client, connect({ host, port, noDelay: true }), {
      sliced,
      onCut: () => links.delete(link),
    })
    links.add(link)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const entrance = listener.address() as AddressInfo

  return {
    host: entrance.address,
    port: entrance.port,
    get links() {
      return [...links]
    },
    async stop() {
      listener.close()
      for (const link of links) link.cut()
      await once(listener, 'close')
    },
  }
}
