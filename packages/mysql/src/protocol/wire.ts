/**
 * Flights over mysql2, which by itself sends a command only when the one before has been answered. Here the packets
 * of a flight are written at once, and readers are queued for the answers: mysql2's connection works off its commands
 * one by one.
 */
import { ConnectionLostError, LeaseholdError, UsageError } from '@leasehold/core'
import { type ConnectionOptions, createConnection } from 'mysql2'
import {
  type AnswerForm,
  type Listener,
  readers,
  type Reply,
  type Rows,
  UnreadableAnswer,
} from './reply-readers.ts'
import type { Internals } from './mysql2-commands.ts'
import { DesyncError, isServerError } from '../errors.ts'
import { PACKET_HEADER, packetCount, queryPacket, quitPacket } from './packets.ts'
import { patience, SilenceError } from './patience.ts'
import { watchTls } from './tls.ts'

/** A command, ready to be written. */
export interface EncodedCommand {
  readonly packet: Buffer
  readonly answer: AnswerForm
  /** Takes the rows in batches on their way, so that the reply has none. */
  readonly onRows?: Listener['onRows']
}

/** Makes a command when its turn to be written comes; may throw then. */
export type CommandEncoder = () => EncodedCommand

/** The reply, or the error that the command failed with; `undefined` if it was not sent because another had failed. */
export type Outcome = Reply | Error | undefined

/** What becomes of the answer to a command that nobody waits for. */
export interface Check {
  readonly answer: AnswerForm
  /** Gives the error for which the connection is to be given up, if the answer is a reason to. */
  readonly wrong: (outcome: Reply | Error) => Error | undefined
}

/** What is beyond this waits until answers have come, so that a flight of any size takes bounded memory. */
const BYTES_IN_FLIGHT = 1 << 20

/** Milliseconds without an answer from the server after which the way to it is no longer taken for granted. */
const PROOF = 1_000

/** Milliseconds in which a server that is there answers what waits for nothing. */
export const PATIENCE = 1_000

/** A command that is written ahead of the next flight. */
interface Ahead {
  readonly packet: Buffer
  /** Whether the server answers it. */
  readonly answered: boolean
}

/** Commands under way, and those behind them that are not written yet. */
interface Flight {
  readonly outgoing: readonly CommandEncoder[]
  readonly outcomes: Outcome[]
  readonly sizes: number[]
  written: number
  answered: number
  bytes: number
  failed: boolean
  readonly settle: PromiseWithResolvers<readonly Outcome[]>
  /** Called when all answers have come but the last. */
  readonly onLast: (() => void) | undefined
}

export class Wire {
  readonly #connection: Internals
  readonly #lostListeners: (() => void)[] = []
  /** Written ahead of the next flight. */
  readonly #ahead: Ahead[] = []
  /** Commands written ahead that the server has still to answer. */
  #unanswered = 0
  #flight: Flight | undefined
  #lost: Error | undefined
  #answeredAt = performance.now()
  /** The server's limit on the size of a command, in bytes. */
  maxAllowedPacket: number = Infinity
  /** Whether commands may travel together; where not, each waits for the answer to the one before. */
  together = false

  private constructor(connection: Internals) {
    this.#connection = connection
    connection.on('error', (error: Error) => this.#lose(error))
    // mysql2 goes on reading when a packet does not belong to the command it reads for.
    connection.on('warn', (error: Error) => this.#lose(new DesyncError(error.message)))
  }

  /**
   * Connects and authenticates, within `connectTimeout` milliseconds and until `signal` is aborted. Rejects with mysql2's
   * error, or with what stopped it.
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
      // mysql2 counts until the first word of the server only.
      const heard = patience(connectTimeout, () =>
        fail(new SilenceError(`the server did not let us in within ${connectTimeout} ms`)),
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

  /** Calls back once the connection is broken or given up; at once if it is, for it may be before anybody can ask. */
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

  /** Whether the connection compresses: mysql2 then numbers the packets of one command at a time only. */
  get compressed(): boolean {
    return Boolean(this.#connection.config.compress)
  }

  /**
   * Sends commands in one flight. Rejects with a `ConnectionLostError` if the connection breaks before all is answered, or
   * if it was not {@link proven} and the server, asked ahead of the commands, is silent. Calls `onLast` when all answers of
   * several have come but the last.
   */
  fly(outgoing: readonly CommandEncoder[], onLast?: () => void): Promise<readonly Outcome[]> {
    return this.#fly(outgoing, this.proven ? undefined : 'along', onLast)
  }

  /** Asks whether the server is there. Rejects with a `ConnectionLostError` if it is silent, or has something to object. */
  async prove(): Promise<void> {
    await this.#fly([], 'first')
  }

  #fly(
    outgoing: readonly CommandEncoder[],
    question: 'along' | 'first' | undefined,
    onLast?: () => void,
  ): Promise<readonly Outcome[]> {
    if (this.#lost !== undefined) return Promise.reject(lostError(this.#lost, false))
    if (this.#flight !== undefined)
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

  /** Reads no further until {@link resume}; the server then waits as well. */
  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /**
   * Has a command written ahead of the next flight, or with {@link flush}, which nobody waits for. Without `check` the
   * server doesn't answer it.
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
    this.#connection.addCommand(new readers[check.answer]({ packets, answered }))
  }

  /** Writes at once what was to go ahead of the next flight. */
  flush(): void {
    this.#write(this.#takeAhead())
  }

  /** Says goodbye and closes. */
  quit(): void {
    if (this.#lost !== undefined) return
    this.#lost = new Error('the connection was closed by its driver')
    this.#connection._closing = true
    // mysql2 would wait for answers to what was never written.
    this.#connection.write(quitPacket())
    this.#connection.stream.destroySoon()
  }

  /** Closes at once. A flight on its way rejects. */
  destroy(reason: Error): void {
    this.#lose(reason)
  }

  /** Has the server answer what waits for no lock, or loses the connection. */
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

  /** Goes on behind an answer: where commands travel alone, when mysql2 has done with it and numbers packets from 0 again. */
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

  /** Gives what is to be written, and has the answer read when it is its turn. */
  #begin(flight: Flight, outgoing: CommandEncoder): Buffer {
    const { packet, answer, onRows } = outgoing()
    const size = packet.length - PACKET_HEADER
    // One of just as many bytes costs the connection.
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
    // Rows behind a failure are nobody's.
    const take = onRows && ((rows: Rows): void => void (flight.failed || onRows(rows)))
    this.#connection.addCommand(new readers[answer]({ packets, answered, onRows: take }))
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

/** mysql2 puts the text of the statement, values included, on its errors; that is left behind. */
function lostError(cause: Error, sent: boolean): ConnectionLostError {
  const plain =
    cause instanceof LeaseholdError || cause instanceof DesyncError ? cause : new Error(cause.message)
  return new ConnectionLostError(`the connection to the server was lost: ${cause.message}`, {
    cause: plain,
    sent,
  })
}
