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

  /** Returns at once. What can't be killed, because it or the server is gone, needs no killing. */
  kill(id: number): void {
    const send = (): Promise<void> => this.#send(id)
    // A control connection that was kept may have broken unnoticed: then a new one may serve.
    this.#queue = this.#queue.then(() => send().catch(send)).catch(() => {})
  }

  /** Closes the control connection after the kills that were asked for. */
  async close(): Promise<void> {
    await this.#queue
    await this.#close()
  }

  async #send(id: number): Promise<void> {
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
      await control.fly([() => ({ packet: queryPacket(`KILL ${id}`), answer: 'text' })])
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
