/**
 * Flights over mysql2, which by itself sends a command only when the one before has been answered. Here the packets
 * of a flight are written at once, and mysql2's commands are left to read the answers in their order.
 *
 * This is the only file that knows mysql2's internals: that a command would write its packet in `start`, which returns
 * the state that reads the answer; that `done` ends it; and that the connection works off its commands one by one.
 */
import type { Socket } from 'node:net'
import { ConnectionLostError, LeaseholdError, UsageError } from '@leasehold/core'
import { Connection as Mysql2Connection, type ConnectionOptions, createConnection } from 'mysql2'
import { isServerError } from './errors.ts'
import { PACKET_HEADER, packetCount } from './packets.ts'

/** A command, ready to be written. */
export interface Written {
  readonly packet: Buffer
  /** In which form the answer comes: rows as text or binary, or a prepared statement. */
  readonly answer: 'text' | 'binary' | 'prepared'
}

/** Makes a command when its turn to be written comes; may throw then. */
export type Outgoing = () => Written

/** What the server answered to one command. */
export interface Reply {
  /** Absent when the command gives no rows; those of the first result set where there are several. */
  readonly rows: readonly Record<string, unknown>[] | undefined
  readonly fields: readonly Field[]
  /** Absent when the command gives only rows. */
  readonly header: Header | undefined
  /** The server's status flags; absent when a statement was prepared. */
  readonly status: number | undefined
  /** Present when a statement was prepared. */
  readonly prepared?: Prepared
  /** Whether the rows came in binary form. */
  readonly binary: boolean
}

/** A statement that the session has prepared. */
export interface Prepared {
  readonly id: number
  readonly parameterCount: number
}

/** The part of mysql2's column definition that is used here. */
export interface Field {
  readonly name: string
  /** The type that the server sent. */
  readonly type: number
  /** Digits behind the decimal point that the server writes; 31 if as many as there are. */
  readonly decimals: number
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
  emit(event: string, ...details: unknown[]): boolean
}

type OnError = (error: Error) => void

interface ResultReader extends Command {
  options: object
  readonly _rows: readonly unknown[]
  readonly _fields: readonly (readonly Field[] | undefined)[]
  execute(packet: Packet | undefined, connection: Internals): boolean
  resultsetHeader: unknown
  done(): null
}

interface PrepareReader extends Command {
  readonly id: number
  readonly parameterCount: number
  prepareHeader: unknown
  prepareDone(): null
}

type ReaderClass<R> = new (options: object, onError: OnError) => R

/** mysql2's commands, of which it exports none: each is the class of what its connection queues. */
const { Query, Execute, Prepare } = commandClasses()

function commandClasses(): {
  Query: ReaderClass<ResultReader>
  Execute: ReaderClass<ResultReader>
  Prepare: ReaderClass<PrepareReader>
} {
  interface Preparing extends PrepareReader {
    onResult: (error: null, statement: { execute(values: readonly unknown[]): object }) => void
    prepareDone(connection?: object): null
  }
  const connection = { addCommand: <C>(command: C): C => command, _statements: new Map() }
  const { createQuery, prototype } = Mysql2Connection as unknown as {
    createQuery: (sql: string, values: readonly unknown[], onResult: () => void, config: object) => object
    prototype: { prepare(this: object, sql: string, onResult: () => void): Preparing }
  }
  const prepare = prototype.prepare.call(connection, '', () => {})
  let execute: object = {}
  prepare.onResult = (_error, statement) => {
    execute = statement.execute([])
  }
  prepare.prepareDone(connection)
  const classOf = <R>(command: object): ReaderClass<R> => command.constructor as ReaderClass<R>
  return {
    Query: classOf(createQuery('', [], () => {}, {})),
    Execute: classOf(execute),
    Prepare: classOf(prepare),
  }
}

const NO_OPTIONS = {}

/** Reads what a statement gives, and hands it over at once: mysql2 itself waits for a tick. */
function resultReader(Base: ReaderClass<ResultReader>, binary: boolean) {
  return class extends Base {
    readonly #answered: (outcome: Reply | Error) => void
    readonly #packets: number
    #last: Packet | undefined

    constructor(packets: number, answered: (outcome: Reply | Error) => void) {
      super(NO_OPTIONS, answered)
      this.#packets = packets
      this.#answered = answered
    }

    override start(_packet: undefined, connection: Internals): unknown {
      connection.sequenceId = this.#packets
      this.options = connection.config
      return this.resultsetHeader
    }

    override execute(packet: Packet | undefined, connection: Internals): boolean {
      this.#last = packet
      return super.execute(packet, connection)
    }

    /** There are no listeners; mysql2 compiles its reader of rows after this event. */
    override emit(event: string, fields?: readonly ReadField[]): boolean {
      if (event === 'fields' && !binary) readDoublesAsText(fields)
      return false
    }

    override done(): null {
      const result = this._rows[0]
      const last = this._rows.at(-1)
      const rows = Array.isArray(result) ? (result as Record<string, unknown>[]) : undefined
      const header = Array.isArray(last) ? undefined : (last as Header)
      const status = header === undefined ? this.#last?.eofStatusFlags() : header.serverStatus
      this.#answered({ rows, fields: this._fields[0] ?? [], header, status, binary })
      return null
    }
  }
}

const TextReader = resultReader(Query, false)
const BinaryReader = resultReader(Execute, true)

/** Reads what became of a statement that is to be prepared. */
class PreparedReader extends Prepare {
  readonly #answered: (outcome: Reply | Error) => void

  constructor(packets: number, answered: (outcome: Reply | Error) => void) {
    super(NO_OPTIONS, answered)
    this.#packets = packets
    this.#answered = answered
  }

  readonly #packets: number

  override start(_packet: undefined, connection: Internals): unknown {
    connection.sequenceId = this.#packets
    return this.prepareHeader
  }

  override emit(): boolean {
    return false
  }

  override prepareDone(): null {
    const { id, parameterCount } = this
    this.#answered({ ...NOTHING, prepared: { id, parameterCount } })
    return null
  }
}

const NOTHING: Reply = { rows: undefined, fields: [], header: undefined, status: undefined, binary: false }

const readers = { text: TextReader, binary: BinaryReader, prepared: PreparedReader }

/** Types of columns (MySQL Source Documentation, "field_types.h"). */
const FLOAT = 4
const DOUBLE = 5
const DECIMAL = 246

/** mysql2 puts a double together digit by digit and gets the last bit of one in a hundred wrong; decimals it leaves. */
function readDoublesAsText(fields: readonly ReadField[] = []): void {
  for (const field of fields) {
    if (field.columnType === DOUBLE || field.columnType === FLOAT) field.columnType = DECIMAL
  }
}

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
  readonly #unanswered: Buffer[] = []
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

  /** Has a command that the server doesn't answer written with the next flight. */
  tell(packet: Buffer): void {
    this.#unanswered.push(packet)
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
    const packets = this.#unanswered.splice(0)
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
    if (packets.length > 0) this.#connection.write(Buffer.concat(packets))
    this.#settleIfOver(flight)
  }

  /** Gives what is to be written, and has the answer read when it is its turn. */
  #begin(flight: Flight, outgoing: Outgoing): Buffer {
    const { packet, answer } = outgoing()
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
    this.#connection.addCommand(new readers[answer](packetCount(packet.length), answered))
    return packet
  }

  #answered(flight: Flight, index: number, outcome: Reply | Error): void {
    if (this.#lost !== undefined) return
    if (outcome instanceof Error && !isServerError(outcome)) {
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
