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
} from './answers.ts'
import type { Internals } from './commands.ts'
import { isServerError } from './errors.ts'
import { PACKET_HEADER, packetCount } from './packets.ts'

/** A command, ready to be written. */
export interface Written {
  readonly packet: Buffer
  readonly answer: AnswerForm
  /** Takes the rows in batches on their way, so that the reply has none. */
  readonly onRows?: Listener['onRows']
}

/** Makes a command when its turn to be written comes; may throw then. */
export type Outgoing = () => Written

/** The reply, or the error that the command failed with; `undefined` if it was not sent because another had failed. */
export type Outcome = Reply | Error | undefined

/** What is beyond this waits until answers have come, so that a flight of any size takes bounded memory. */
const BYTES_IN_FLIGHT = 1 << 20

/** Commands under way, and those behind them that are not written yet. */
interface Flight {
  readonly outgoing: readonly Outgoing[]
  readonly outcomes: Outcome[]
  readonly sizes: number[]
  written: number
  answered: number
  bytes: number
  failed: boolean
  readonly settle: PromiseWithResolvers<readonly Outcome[]>
}

export class Wire {
  readonly #connection: Internals
  readonly #onLost: (cause: Error) => void
  /** Written ahead of the next flight. */
  readonly #ahead: Buffer[] = []
  #flight: Flight | undefined
  #lost: Error | undefined
  /** The server's limit on the size of a command, in bytes. */
  maxAllowedPacket: number = Infinity

  private constructor(connection: Internals, onLost: (cause: Error) => void) {
    this.#connection = connection
    this.#onLost = onLost
    connection.on('error', (error: Error) => this.#lose(error))
    // mysql2 goes on reading when a packet does not belong to the command it reads for.
    connection.on('warn', (error: Error) => this.#lose(error))
  }

  /** Connects and authenticates. Rejects with mysql2's error. `onLost` is called once if the connection breaks. */
  static connect(options: ConnectionOptions, onLost: (cause: Error) => void): Promise<Wire> {
    const connection = createConnection(options) as unknown as Internals
    return new Promise((resolve, reject) => {
      connection.connect((error) => {
        if (error === null || error === undefined) {
          resolve(new Wire(connection, onLost))
          return
        }
        connection.on('error', () => {})
        connection.stream.destroy()
        reject(error)
      })
    })
  }

  get id(): number {
    return this.#connection.threadId
  }

  get lost(): Error | undefined {
    return this.#lost
  }

  /** Whether the connection compresses: mysql2 then numbers the packets of one command at a time only. */
  get compressed(): boolean {
    return Boolean(this.#connection.config.compress)
  }

  /** Sends commands in one flight. Rejects with a `ConnectionLostError` if the connection breaks before all is answered. */
  fly(outgoing: readonly Outgoing[]): Promise<readonly Outcome[]> {
    if (this.#lost !== undefined) return Promise.reject(lostError(this.#lost, false))
    if (this.#flight !== undefined)
      return Promise.reject(new UsageError('a flight is on its way on this connection'))
    const outcomes: Outcome[] = outgoing.map(() => undefined)
    const settle = Promise.withResolvers<readonly Outcome[]>()
    this.#flight = { outgoing, outcomes, sizes: [], written: 0, answered: 0, bytes: 0, failed: false, settle }
    this.#proceed(this.#flight)
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
   * server doesn't answer it; an answer that is an error, or that `check` finds one in, costs the connection.
   */
  tell(packet: Buffer, check?: (reply: Reply) => Error | undefined): void {
    if (this.#lost !== undefined) return
    this.#ahead.push(packet)
    if (check === undefined) return
    const answered = (outcome: Reply | Error): void => {
      const wrong = outcome instanceof Error ? outcome : check(outcome)
      if (wrong !== undefined) this.#lose(wrong)
    }
    this.#connection.addCommand(new readers.text({ packets: 1, answered }))
  }

  /** Writes at once what was to go ahead of the next flight. */
  flush(): void {
    this.#write(this.#ahead.splice(0))
  }

  /** Says goodbye and closes. */
  quit(): void {
    if (this.#lost !== undefined) return
    this.#lost = new Error('the connection was closed by its driver')
    this.#connection.end()
    this.#connection.stream.destroySoon()
  }

  /** Closes at once. A flight on its way rejects. */
  destroy(reason: Error): void {
    this.#lose(reason)
  }

  #proceed(flight: Flight): void {
    const packets = this.#ahead.splice(0)
    for (;;) {
      const outgoing = flight.outgoing[flight.written]
      if (outgoing === undefined || flight.failed || flight.bytes >= BYTES_IN_FLIGHT) break
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

  #write(packets: readonly Buffer[]): void {
    const [first, second] = packets
    if (first === undefined) return
    this.#connection.write(second === undefined ? first : Buffer.concat(packets))
  }

  /** Gives what is to be written, and has the answer read when it is its turn. */
  #begin(flight: Flight, outgoing: Outgoing): Buffer {
    const { packet, answer, onRows } = outgoing()
    const size = packet.length - PACKET_HEADER
    if (size > this.maxAllowedPacket) {
      throw new UsageError(
        `a statement of ${size} bytes is larger than the server takes ` +
          `(max_allowed_packet = ${this.maxAllowedPacket}): split it`,
      )
    }
    const index = flight.written
    const answered = (outcome: Reply | Error): void => {
      // What can't be prepared is not what the flight is for.
      if (outcome instanceof Error && answer !== 'prepared') flight.failed = true
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
    flight.outcomes[index] = outcome
    flight.answered += 1
    flight.bytes -= flight.sizes[index] ?? 0
    if (flight.written < flight.outgoing.length && flight.bytes < BYTES_IN_FLIGHT / 2) this.#proceed(flight)
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
    this.#onLost(cause)
  }
}

/** mysql2 puts the text of the statement, values included, on its errors; that is left behind. */
function lostError(cause: Error, sent: boolean): ConnectionLostError {
  const plain = cause instanceof LeaseholdError ? cause : new Error(cause.message)
  return new ConnectionLostError(`the connection to the server was lost: ${cause.message}`, {
    cause: plain,
    sent,
  })
}
