/**
 * Flights over mysql2. By itself, mysql2 sends a command only after the answer to the one before. The wire writes the packets
 * of a flight at once and queues readers for the answers, which mysql2 runs one by one.
 */
import { ConnectionLostError, LeaseholdError, UsageError } from '@leasehold/core'
import { type ConnectionOptions, createConnection } from 'mysql2'
import { lend } from './lend.ts'
import {
  type AnswerForm,
  type Listener,
  readers,
  type Reply,
  type Rows,
  UnreadableAnswer,
} from './reply-readers.ts'
import type { Internals, NativeConnection } from './mysql2-commands.ts'
import { DesyncError, isServerError } from '../errors.ts'
import { PACKET_HEADER, packetCount, queryPacket, quitPacket } from './packets.ts'
import { patience, SilenceError } from './patience.ts'
import { watchTls } from './tls.ts'

/** A command as a packet, and the form of its answer. */
export interface EncodedCommand {
  readonly packet: Buffer
  readonly answer: AnswerForm
  /** Receives the rows in batches as they arrive; the reply then has none. */
  readonly onRows?: Listener['onRows']
}

/** Encodes a command right before it is written. May throw. */
export type CommandEncoder = () => EncodedCommand

/** The reply, or the command's error; `undefined` if another command's failure kept it from being sent. */
export type Outcome = Reply | Error | undefined

/** The check of an answer that no caller waits for. */
export interface Check {
  readonly answer: AnswerForm
  /** Returns the error for which to give the connection up, if the answer is wrong. */
  readonly wrong: (outcome: Reply | Error) => Error | undefined
}

/** Commands beyond this wait for answers, so that a flight of any size takes bounded memory. */
const BYTES_IN_FLIGHT = 1 << 20

/** Milliseconds without an answer after which the connection must prove itself. */
const PROOF = 1_000

/** Milliseconds in which a live server answers a command that waits for no lock. */
export const PATIENCE = 1_000

/** A command that is written ahead of the next flight. */
interface Ahead {
  readonly packet: Buffer
  /** Whether the server answers it. */
  readonly answered: boolean
}

/** The commands of a flight, written or still waiting. */
interface Flight {
  readonly outgoing: readonly CommandEncoder[]
  readonly outcomes: Outcome[]
  readonly sizes: number[]
  written: number
  answered: number
  bytes: number
  failed: boolean
  readonly settle: PromiseWithResolvers<readonly Outcome[]>
  /** Called when all answers but the last have arrived. */
  readonly onLast: (() => void) | undefined
}

export class Wire {
  readonly #connection: Internals
  readonly #addCommand: Internals['addCommand']
  /** Whether the connection is lent, so that no flight may start. */
  #lent = false
  readonly #lostListeners: (() => void)[] = []
  /** Commands that travel ahead of the next flight. */
  readonly #ahead: Ahead[] = []
  /** Number of those written and not yet answered. */
  #unanswered = 0
  #flight: Flight | undefined
  #lost: Error | undefined
  #answeredAt = performance.now()
  /** The server's limit on the size of a command, in bytes. */
  maxAllowedPacket: number = Infinity
  /** Whether commands may travel together. Otherwise each waits for the answer to the one before. */
  together = false

  private constructor(connection: Internals) {
    this.#connection = connection
    this.#addCommand = connection.addCommand.bind(connection)
    connection.on('error', (error: Error) => this.#lose(error))
    // mysql2 only warns of a packet that does not belong to the current command.
    connection.on('warn', (error: Error) => this.#lose(new DesyncError(error.message)))
  }

  /**
   * Connects and authenticates within `connectTimeout` milliseconds. Rejects with mysql2's error, at the time limit, or when
   * `signal` is aborted.
   */
  static connect(options: ConnectionOptions, signal?: AbortSignal): Promise<Wire> {
    const connection = createConnection(options) as unknown as Internals
    const { connectTimeout = PATIENCE } = options
    watchTls(connection, options)
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        heard()
        signal?.removeEventListener('abort', abort)
      }
      const fail = (error: Error): void => {
        settle()
        connection.on('error', () => {})
        connection.stream.destroy()
        reject(error)
      }
      const abort = (): void => fail(new Error('connecting was given up'))
      // mysql2's own limit ends with the server's greeting.
      const heard = patience(connectTimeout, () =>
        fail(new SilenceError(`the login took longer than ${connectTimeout} ms (connectTimeout)`)),
      )
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted === true) abort()
      connection.connect((error) => {
        if (error !== null && error !== undefined) {
          fail(error)
          return
        }
        settle()
        resolve(new Wire(connection))
      })
    })
  }

  get lost(): Error | undefined {
    return this.#lost
  }

  /** Calls back when the connection is lost; at once if it is lost already. */
  whenLost(listener: () => void): void {
    if (this.#lost === undefined) this.#lostListeners.push(listener)
    else listener()
  }

  /** When the server last answered; on the clock of `performance.now()`. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  /** Whether the server has answered within the last second. */
  get proven(): boolean {
    return performance.now() - this.#answeredAt < PROOF
  }

  /** Whether the connection compresses. mysql2 then numbers packets for one command at a time only. */
  get compressed(): boolean {
    return Boolean(this.#connection.config.compress)
  }

  /**
   * Sends commands in one flight. A connection that is not {@link proven} is asked ahead of them. Rejects with a
   * `ConnectionLostError` if the connection breaks, or stays silent. Calls `onLast` when all answers but the last have arrived.
   */
  fly(outgoing: readonly CommandEncoder[], onLast?: () => void): Promise<readonly Outcome[]> {
    return this.#fly(outgoing, this.proven ? undefined : 'along', onLast)
  }

  /** Checks that the server answers. Rejects with a `ConnectionLostError` if it is silent or answers with an error. */
  async prove(): Promise<void> {
    await this.#fly([], 'first')
  }

  #fly(
    outgoing: readonly CommandEncoder[],
    question: 'along' | 'first' | undefined,
    onLast?: () => void,
  ): Promise<readonly Outcome[]> {
    if (this.#lost !== undefined) return Promise.reject(lostError(this.#lost, false))
    if (this.#flight !== undefined || this.#lent)
      return Promise.reject(new UsageError('a flight is on its way on this connection'))
    const outcomes: Outcome[] = outgoing.map(() => undefined)
    const settle = Promise.withResolvers<readonly Outcome[]>()
    const flight: Flight = {
      outgoing,
      outcomes,
      sizes: [],
      written: 0,
      answered: 0,
      bytes: 0,
      failed: false,
      settle,
      onLast,
    }
    this.#flight = flight
    if (question !== undefined) this.#ask(question === 'first' ? () => this.#proceed(flight) : () => {})
    if (question === 'first') this.flush()
    else this.#proceed(flight)
    return settle.promise
  }

  /** Lends mysql2's connection; see {@link lend}. Rejects with a `ConnectionLostError` if the connection breaks meanwhile. */
  async lend<T>(use: (connection: NativeConnection) => Promise<T>): Promise<T> {
    await this.prove()
    this.#lent = true
    const lost = Promise.withResolvers<never>()
    this.whenLost(() => lost.reject(lostError(this.#lost ?? new Error('lost'), true)))
    try {
      return await Promise.race([lend(this.#connection, use), lost.promise])
    } catch (error) {
      if (!(error instanceof SilenceError)) throw error
      this.#lose(error)
      throw lostError(error, true)
    } finally {
      // mysql2 says nothing of a connection that `use` has ended.
      if (this.#connection._closing) this.#lose(new Error('it was ended'))
      this.#lent = false
    }
  }

  /** Stops reading until {@link resume}; the server then waits, too. */
  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /**
   * Queues a command to be written ahead of the next flight, or by {@link flush}. No caller waits for its answer. Without
   * `check` the server does not answer it.
   */
  sendAhead(packet: Buffer, check?: Check): void {
    if (this.#lost !== undefined) return
    this.#ahead.push({ packet, answered: check !== undefined })
    if (check === undefined) return
    const answered = (outcome: Reply | Error): void => {
      this.#answeredAt = performance.now()
      this.#unanswered -= 1
      const wrong = outcome instanceof Error && !isServerError(outcome) ? outcome : check.wrong(outcome)
      if (wrong !== undefined) this.#lose(wrong)
      else if (!this.together && this.#flight !== undefined) this.#proceedNext(this.#flight)
    }
    const packets = packetCount(packet.length)
    this.#addCommand(new readers[check.answer]({ packets, answered }))
  }

  /** Writes the queued commands at once. */
  flush(): void {
    this.#write(this.#takeAhead())
  }

  /** Closes in good order. */
  quit(): void {
    if (this.#lost !== undefined) return
    this.#lost = new Error('the connection was closed by its driver')
    this.#connection._closing = true
    // mysql2's own `end` would wait for answers to commands that were never written.
    this.#connection.write(quitPacket())
    this.#connection.stream.destroySoon()
  }

  /** Closes at once. A flight on its way rejects. */
  destroy(reason: Error): void {
    this.#lose(reason)
  }

  /** Asks for an answer to a command that waits for no lock; gives a silent connection up. */
  #ask(onAnswer: () => void): void {
    const heard = patience(PATIENCE, () =>
      this.#lose(new SilenceError(`the server did not answer within ${PATIENCE} ms`)),
    )
    this.sendAhead(queryPacket('DO 0'), {
      answer: 'text',
      wrong(outcome) {
        heard()
        if (outcome instanceof Error) return outcome
        onAnswer()
        return undefined
      },
    })
  }

  /**
   * Goes on after an answer. Without pipelining, waits until mysql2 has finished the command and numbers packets from 0 again.
   */
  #proceedNext(flight: Flight): void {
    if (this.together) this.#proceed(flight)
    else {
      queueMicrotask(() => {
        if (this.#flight === flight) this.#proceed(flight)
      })
    }
  }

  #proceed(flight: Flight): void {
    const packets = this.#takeAhead()
    for (;;) {
      const outgoing = flight.outgoing[flight.written]
      if (outgoing === undefined || !this.#hasRoom(flight)) break
      try {
        packets.push(this.#begin(flight, outgoing))
      } catch (error) {
        flight.outcomes[flight.written] = error as Error
        flight.failed = true
      }
    }
    this.#write(packets)
    this.#settleIfOver(flight)
  }

  #takeAhead(): Buffer[] {
    const packets: Buffer[] = []
    while (this.together || this.#unanswered === 0) {
      const next = this.#ahead.shift()
      if (next === undefined) break
      packets.push(next.packet)
      if (next.answered) this.#unanswered += 1
    }
    return packets
  }

  /** Whether the next command of the flight may be written now. */
  #hasRoom({ failed, bytes, answered, written }: Flight): boolean {
    if (failed || bytes >= BYTES_IN_FLIGHT) return false
    return this.together || (this.#unanswered === 0 && answered === written)
  }

  #write(packets: readonly Buffer[]): void {
    const [first, second] = packets
    if (first === undefined) return
    this.#connection.write(second === undefined ? first : Buffer.concat(packets))
  }

  /** Returns the packet to write, and queues the reader of its answer. */
  #begin(flight: Flight, outgoing: CommandEncoder): Buffer {
    const { packet, answer, onRows } = outgoing()
    const size = packet.length - PACKET_HEADER
    // A packet of exactly that size makes the server close the connection.
    if (size >= this.maxAllowedPacket) {
      throw new UsageError(
        `a statement of ${size} bytes is larger than the server takes ` +
          `(fewer than max_allowed_packet = ${this.maxAllowedPacket}): split it`,
      )
    }
    const index = flight.written
    const answered = (outcome: Reply | Error): void => {
      if (outcome instanceof Error) flight.failed = true
      this.#answered(flight, index, outcome)
    }
    flight.written += 1
    flight.sizes[index] = packet.length
    flight.bytes += packet.length
    const packets = packetCount(packet.length)
    // Discards rows that follow a failure.
    const take = onRows && ((rows: Rows): void => void (flight.failed || onRows(rows)))
    this.#addCommand(new readers[answer]({ packets, answered, onRows: take }))
    return packet
  }

  #answered(flight: Flight, index: number, outcome: Reply | Error): void {
    if (this.#lost !== undefined) return
    if (outcome instanceof Error && !isServerError(outcome) && !(outcome instanceof UnreadableAnswer)) {
      this.#lose(outcome)
      return
    }
    this.#answeredAt = performance.now()
    flight.outcomes[index] = outcome
    flight.answered += 1
    flight.bytes -= flight.sizes[index] ?? 0
    if (flight.answered === flight.outgoing.length - 1) flight.onLast?.()
    if (flight.written < flight.outgoing.length && flight.bytes < BYTES_IN_FLIGHT / 2)
      this.#proceedNext(flight)
    else this.#settleIfOver(flight)
  }

  #settleIfOver(flight: Flight): void {
    if (flight.answered < flight.written) return
    if (!flight.failed && flight.written < flight.outgoing.length) return
    this.#flight = undefined
    flight.settle.resolve(flight.outcomes)
  }

  #lose(cause: Error): void {
    if (this.#lost !== undefined) return
    this.#lost = cause
    this.#connection._closing = true
    this.#connection.stream.destroy()
    const flight = this.#flight
    this.#flight = undefined
    flight?.settle.reject(lostError(cause, flight.written > 0))
    for (const listener of this.#lostListeners.splice(0)) listener()
  }
}

/** mysql2's errors carry the statement with its values; those are dropped. */
function lostError(cause: Error, sent: boolean): ConnectionLostError {
  const plain =
    cause instanceof LeaseholdError || cause instanceof DesyncError ? cause : new Error(cause.message)
  return new ConnectionLostError(`the connection to the server was lost: ${cause.message}`, {
    cause: plain,
    sent,
  })
}
