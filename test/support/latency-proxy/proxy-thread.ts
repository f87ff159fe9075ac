import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Endpoint } from '../endpoint.ts'
import type { ListenRequest } from './worker.ts'

/**
 * The proxy runs in a thread of its own: waiting for a fraction of a millisecond blocks an event loop, which
 * must not be the client's.
 */
export class ProxyThread {
  readonly #worker: Worker

  constructor() {
    this.#worker = new Worker(new URL('worker.ts', import.meta.url), { execArgv: [] })
    this.#worker.unref()
  }

  /** Opens a further entrance; what comes in there goes to the target, and back, late by the delay. */
  async listen({ host, port }: Endpoint, delayMs: number): Promise<Endpoint> {
    const { port1, port2 } = new MessageChannel()
    const request: ListenRequest = { target: { host, port }, delayMs, reply: port2 }
    this.#worker.postMessage(request, [port2])
    const [entrance] = (await once(port1, 'message')) as [Endpoint]
    port1.close()
    return entrance
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
