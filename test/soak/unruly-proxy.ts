import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerAddress } from '@leasehold/test-support/server'

/** A way to the server that fails on demand. It keeps nothing of what passes, however long it is in use. */
export class UnrulyProxy {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #listener = createServer({ noDelay: true }, (client) => this.#join(client))
  readonly #links = new Set<readonly [Socket, Socket]>()
  #stalled = false

  private constructor({ host, port }: ServerAddress) {
    this.#target = { host, port }
  }

  static async start(target: ServerAddress): Promise<UnrulyProxy> {
    const proxy = new UnrulyProxy(target)
    proxy.#listener.listen(0, '127.0.0.1')
    await once(proxy.#listener, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** Breaks the connections that are chosen, on both sides. */
  cut(chosen: () => boolean = () => true): void {
    for (const link of this.#links) if (chosen()) destroy(link)
  }

  /** Holds everything back for a while, in both directions. */
  async stall(ms: number): Promise<void> {
    this.#stalled = true
    for (const socket of this.#sockets()) socket.pause()
    await sleep(ms)
    this.#stalled = false
    for (const socket of this.#sockets()) socket.resume()
  }

  async stop(): Promise<void> {
    this.#listener.close()
    this.cut()
    await once(this.#listener, 'close')
  }

  #sockets(): Socket[] {
    return [...this.#links].flat()
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true })
    const link = [client, server] as const
    this.#links.add(link)
    client.once('close', () => this.#links.delete(link))
    this.#relay(client, server)
    this.#relay(server, client)
  }

  #relay(source: Socket, destination: Socket): void {
    source.on('data', (chunk) => {
      if (!destination.write(chunk)) source.pause()
    })
    destination.on('drain', () => {
      if (!this.#stalled) source.resume()
    })
    // Whichever side ends, the other one still gets what was sent before; where it breaks off, it sees that at once.
    source.on('end', () => destination.destroySoon())
    source.on('error', () => destination.destroy())
    source.on('close', () => destination.destroySoon())
    if (this.#stalled) source.pause()
  }
}

function destroy(link: readonly Socket[]): void {
  for (const socket of link) socket.destroy()
}
