import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

export type Side = 'client' | 'server'

export interface LinkOptions {
  readonly sliced: boolean
  readonly onCut: () => void
}

/** One connection through the proxy. */
export class Link {
  readonly #sockets: Readonly<Record<Side, Socket>>
  readonly #options: LinkOptions
  readonly #received: Record<Side, Buffer[]> = { client: [], server: [] }
  /** Bytes that still may pass; the next one cuts. */
  readonly #allowance: Record<Side, number> = { client: Infinity, server: Infinity }
  #cut = false
  #stalled = false
  #resumes: NodeJS.Timeout | undefined
  /** Whether a side has gone while everything was held back. */
  #overdue = false

  constructor(client: Socket, server: Socket, options: LinkOptions) {
    this.#sockets = { client, server }
    this.#options = options
    this.#relay('client', 'server')
    this.#relay('server', 'client')
  }

  /** What a side has sent since `forget`, whether or not it was passed on. */
  received(side: Side): Buffer {
    return Buffer.concat(this.#received[side])
  }

  forget(): void {
    this.#received.client = []
    this.#received.server = []
  }

  /** Lets that many more bytes from `side` pass; the byte behind them cuts the connection. */
  cutAfter(side: Side, bytes: number): void {
    this.#allowance[side] = bytes
  }

  /** Ends the connection on both sides, as a peer that has gone would. */
  cut(): void {
    this.#end((socket) => socket.destroy())
  }

  /** Breaks the connection on both sides, as one would that knows nothing of it any more. */
  reset(): void {
    this.#end((socket) => socket.resetAndDestroy())
  }

  /** Holds everything back, both ways, for so many milliseconds, or for good; neither side is told. */
  stall(ms?: number): void {
    clearTimeout(this.#resumes)
    this.#stalled = true
    for (const socket of Object.values(this.#sockets)) socket.pause()
    if (ms === undefined) return
    this.#resumes = setTimeout(() => {
      this.#stalled = false
      if (this.#overdue) this.cut()
      for (const socket of Object.values(this.#sockets)) socket.resume()
    }, ms)
  }

  #end(close: (socket: Socket) => void): void {
    if (this.#cut) return
    this.#cut = true
    clearTimeout(this.#resumes)
    for (const socket of Object.values(this.#sockets)) close(socket)
    this.#options.onCut()
  }

  /** Whichever side breaks off, the other one sees it, unless nothing gets through. */
  #over(): void {
    if (this.#stalled) this.#overdue = true
    else this.cut()
  }

  #relay(from: Side, to: Side): void {
    const [source, destination] = [this.#sockets[from], this.#sockets[to]]
    let passing = Promise.resolve()
    source.on('data', (chunk: Buffer) => {
      this.#received[from].push(chunk)
      const passes = chunk.subarray(0, this.#allowance[from])
      const last = passes.length < chunk.length
      this.#allowance[from] -= passes.length
      passing = passing.then(async () => {
        await (this.#options.sliced ? slice(passes, destination) : write(passes, destination))
        if (last) this.cut()
      })
    })
    source.on('end', () => {
      passing = passing.then(() => this.#over())
    })
    source.on('error', () => this.#over())
    source.on('close', () => this.#over())
  }
}

/** Resolves, too, if there is nobody left to write to. */
function write(bytes: Buffer, destination: Socket): Promise<void> {
  return new Promise((resolve) => {
    destination.write(bytes, () => resolve())
  })
}

async function slice(bytes: Buffer, destination: Socket): Promise<void> {
  for (const byte of bytes) {
    await write(Buffer.of(byte), destination)
    await turn()
  }
}
