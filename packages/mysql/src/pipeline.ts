/**
 * Flights over mysql2, which by itself sends a command only when the one before has been answered. Here the packets
 * of a flight are written at once, and mysql2's commands are left to read the answers in their order.
 *
 * This is the only file that knows mysql2's internals: that a command writes its packet in `start`, which returns the
 * state that reads the answer; that `done` ends it; and that the connection works off its commands one by one.
 */
import type { Socket } from 'node:net'
import { ConnectionLostError, LeaseholdError, UsageError } from '@leasehold/core'
import { Connection as Mysql2Connection, type ConnectionOptions, createConnection } from 'mysql2'
import { isServerError } from './errors.ts'

/** A command to send: the text of a statement, made when its turn comes and able to throw then; or a session reset. */
export type Outgoing = (() => string) | 'reset'

/** What the server answered to one command. */
export interface Reply {
  /** Absent when the command gives no rows; those of the first result set where there are several. */
  readonly rows: readonly Record<string, unknown>[] | undefined
  readonly fields: readonly Field[]
  /** Absent when the command gives only rows. */
  readonly header: Header | undefined
  /** The server's status flags; absent after a reset. */
  readonly status: number | undefined
}

/** The part of mysql2's column definition that is used here. */
export interface Field {
  readonly name: string
  /** The type that the server sent. */
  readonly type: number
  /** MariaDB's remark on a text column: `json`. */
  readonly extendedFormat: string | undefined
}

/** A column definition as mysql2 reads rows by it. */
interface ReadField extends Field {
  columnType: number
}

/** The part of mysql2's OK packet that is used here. */
export interface Header {
  readonly affectedRows: number
  readonly changedRows: number
  readonly insertId: number | string
  readonly serverStatus: number
  readonly stateChanges?: {
    readonly trackStateChange: string | null
    readonly schema: string | null
    readonly systemVariables: Readonly<Record<string, string>>
  }
}

/** The reply, or the error that the command failed with; `undefined` if it was not sent because another had failed. */
export type Outcome = Reply | Error | undefined

/** What is beyond this waits until answers have come, so that a flight of any size takes bounded memory. */
const BYTES_IN_FLIGHT = 1 << 20
const PACKET_HEADER = 4

/** mysql2's connection, with what its types leave out. */
interface Internals extends Mysql2Connection {
  readonly stream: Socket
  sequenceId: number
  _closing: boolean
  addCommand<C extends Command>(command: C): C
  write(buffer: Buffer): void
}

interface Packet {
  eofStatusFlags(): number
}

interface Command {
  start(packet: undefined, connection: Internals): unknown
}

interface QueryCommand extends Command {
  readonly _rows: readonly unknown[]
  readonly _fields: readonly (readonly Field[] | undefined)[]
  execute(packet: Packet | undefined, connection: Internals): boolean
  done(): null
  on(event: 'fields', listener: (fields: readonly ReadField[] | undefined) => void): void
}

type QueryClass = new (options: { readonly sql: string }, onResult: (error: Error) => void) => QueryCommand

const { createQuery } = Mysql2Connection as unknown as {
  createQuery: (sql: string, values: readonly unknown[], onResult: () => void, config: object) => object
}
const Query = createQuery('', [], () => {}, {}).constructor as QueryClass

/** A query that hands its answer over as soon as it is read. */
class FlightQuery extends Query {
  readonly #answered: (outcome: Reply | Error) => void
  #last: Packet | undefined

  constructor(sql: string, answered: (outcome: Reply | Error) => void) {
    super({ sql }, answered)
    this.#answered = answered
    this.on('fields', readDoublesAsText)
  }

  override execute(packet: Packet | undefined, connection: Internals): boolean {
    this.#last = packet
    return super.execute(packet, connection)
  }

  override done(): null {
    const result = this._rows[0]
    const last = this._rows.at(-1)
    const rows = Array.isArray(result) ? (result as Record<string, unknown>[]) : undefined
    const header = Array.isArray(last) ? undefined : (last as Header)
    const status = header === undefined ? this.#last?.eofStatusFlags() : header.serverStatus
    this.#answered({ rows, fields: this._fields[0] ?? [], header, status })
    return null
  }
}

/** Types of columns (MySQL Source Documentation, "field_types.h"). */
const FLOAT = 4
const DOUBLE = 5
const DECIMAL = 246

/**
 * mysql2 puts a double together digit by digit and gets the last bit of one in a hundred wrong. It compiles its reader
 * of rows after this event, and decimals it leaves as they are.
 */
function readDoublesAsText(fields: readonly ReadField[] = []): void {
  for (const field of fields) {
    if (field.columnType === DOUBLE || field.columnType === FLOAT) field.columnType = DECIMAL
  }
}

const RESET: Reply = { rows: undefined, fields: [], header: undefined, status: undefined }

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
  /** The connection in all but its socket: what is written to it is collected. */
  readonly #sink: Internals
  readonly #onLost: (cause: Error) => void
  #collected: Buffer[] = []
  #flight: Flight | undefined
  #lost: Error | undefined
  /** The server's limit on the size of a command, in bytes. */
  maxAllowedPacket: number = Infinity

  private constructor(connection: Internals, onLost: (cause: Error) => void) {
    this.#connection = connection
    this.#onLost = onLost
    this.#sink = Object.create(connection, {
      sequenceId: { value: 0, writable: true },
      write: { value: (buffer: Buffer) => this.#collected.push(buffer) },
      addCommand: { value: (command: Command) => command },
    }) as Internals
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
    const commands: Command[] = []
    for (const outgoing of flight.outgoing.slice(flight.written)) {
      if (flight.failed || flight.bytes >= BYTES_IN_FLIGHT) break
      try {
        commands.push(this.#serialise(flight, flight.written, outgoing))
        flight.written += 1
      } catch (error) {
        flight.outcomes[flight.written] = error as Error
        flight.failed = true
      }
    }
    const packets = this.#collected
    this.#collected = []
    for (const command of commands) this.#connection.addCommand(command)
    if (packets.length > 0) this.#connection.write(Buffer.concat(packets))
    this.#settleIfOver(flight)
  }

  #serialise(flight: Flight, index: number, outgoing: Outgoing): Command {
    const answered = (outcome: Reply | Error): void => this.#answered(flight, index, outcome)
    const command: Command =
      outgoing === 'reset'
        ? (this.#sink.reset((error) => answered(error ?? RESET)) as unknown as Command)
        : new FlightQuery(outgoing(), answered)
    const before = this.#collected.length
    this.#sink.sequenceId = 0
    const readAnswer = command.start(undefined, this.#sink)
    const { sequenceId } = this.#sink
    command.start = (_packet, connection) => {
      connection.sequenceId = sequenceId
      return readAnswer
    }

    const size = this.#collected.slice(before).reduce((bytes, packet) => bytes + packet.length, 0)
    if (size - PACKET_HEADER > this.maxAllowedPacket) {
      this.#collected.length = before
      throw new UsageError(
        `a statement of ${size - PACKET_HEADER} bytes is larger than the server takes ` +
          `(max_allowed_packet = ${this.maxAllowedPacket}): split it`,
      )
    }
    flight.sizes[index] = size
    flight.bytes += size
    return command
  }

  #answered(flight: Flight, index: number, outcome: Reply | Error): void {
    if (this.#lost !== undefined) return
    if (outcome instanceof Error) {
      if (!isServerError(outcome)) {
        this.#lose(outcome)
        return
      }
      flight.failed = true
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
