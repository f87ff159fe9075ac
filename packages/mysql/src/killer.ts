/**
 * Ends sessions from outside. Closing a connection is not enough: the server notices only when the statement that runs
 * on it is over, and keeps its locks until then.
 */
import type { ConnectionOptions } from 'mysql2'
import { queryPacket } from './packets.ts'
import { Wire } from './pipeline.ts'

/** Milliseconds that the control connection is kept for the next kill. */
const KEEP = 1_000

export class Killer {
  readonly #options: ConnectionOptions
  /** Beside the pool and its limit, because it is needed when the pool has none to give. */
  #control: Promise<Wire> | undefined
  #timer: NodeJS.Timeout | undefined
  #queue = Promise.resolve()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Ends a session. Returns at once: what can't be killed, because it or the server is gone, needs no killing. */
  kill(id: number): void {
    this.#enqueue(`KILL ${id}`).catch(() => {})
  }

  /** Ends the statement that a session runs. Resolves when the server has taken note of it. */
  interrupt(id: number): Promise<void> {
    return this.#enqueue(`KILL QUERY ${id}`)
  }

  /** Closes the control connection after the kills that were asked for. */
  async close(): Promise<void> {
    await this.#queue
    await this.#close()
  }

  #enqueue(sql: string): Promise<void> {
    const send = (): Promise<void> => this.#send(sql)
    // A control connection that was kept may have broken unnoticed: then a new one may serve.
    const sent = this.#queue.then(() => send().catch(send))
    this.#queue = sent.catch(() => {})
    return sent
  }

  async #send(sql: string): Promise<void> {
    clearTimeout(this.#timer)
    this.#control ??= Wire.connect({ ...this.#options }, () => {
      this.#control = undefined
    })
    const late = new Error('KILL was not answered in the time that connecting may take')
    let timer: NodeJS.Timeout | undefined
    try {
      const control = await this.#control
      // Without a limit, one that is never answered would keep all others waiting.
      timer = setTimeout(() => control.destroy(late), this.#options.connectTimeout)
      await control.fly([() => ({ packet: queryPacket(sql), answer: 'text' })])
    } catch (error) {
      this.#control = undefined
      throw error
    } finally {
      clearTimeout(timer)
    }
    this.#timer = setTimeout(() => void this.#close(), KEEP).unref()
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer)
    const control = this.#control
    this.#control = undefined
    try {
      const wire = await control
      wire?.quit()
    } catch {
      // It never came to be.
    }
  }
}
