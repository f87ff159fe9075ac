/**
 * Reads answers with mysql2's own commands, which here write nothing. With `pipeline`, this is what knows mysql2's
 * internals: that a command would write its packet in `start`, which returns the state that reads the answer, and that
 * `done` ends it.
 */
import type { Socket } from 'node:net'
import { Connection as Mysql2Connection } from 'mysql2'

/** In which form an answer comes: rows as text or binary, or a prepared statement. */
export type AnswerForm = 'text' | 'binary' | 'prepared'

/** Rows as they were read. */
export interface Rows {
  readonly rows: readonly Record<string, unknown>[]
  readonly fields: readonly Field[]
  /** Whether they came in binary form. */
  readonly binary: boolean
}

/** What the server answered to one command. */
export interface Reply extends Omit<Rows, 'rows'> {
  /** Absent when the command gives no rows; those of the first result set where there are several. */
  readonly rows: Rows['rows'] | undefined
  /** Absent when the command gives only rows. */
  readonly header: Header | undefined
  /** The server's status flags; absent when a statement was prepared. */
  readonly status: number | undefined
  /** Present when a statement was prepared. */
  readonly prepared?: Prepared
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

/** mysql2's connection, with what its types leave out. */
export interface Internals extends Mysql2Connection {
  readonly stream: Socket
  /** Calls back before anything else is sent. */
  startTLS(onSecure: (error?: Error) => void): void
  sequenceId: number
  _closing: boolean
  addCommand<C extends Command>(command: C): C
  write(buffer: Buffer): void
}

interface Packet {
  eofStatusFlags(): number
}

/** Who is told what was read. */
export interface Listener {
  /** Packets that the command was written in: the answer's are counted on from there. */
  readonly packets: number
  readonly answered: (outcome: Reply | Error) => void
  /** Takes the rows in batches on their way, so that the reply has none. */
  readonly onRows?: ((rows: Rows) => void) | undefined
}

export interface Command {
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

/** Rows that are handed over at a time, when they are wanted on their way. */
const BATCH = 256

/** Reads what a statement gives, and hands it over at once: mysql2 itself waits for a tick. */
function resultReader(Base: ReaderClass<ResultReader>, binary: boolean) {
  return class extends Base {
    readonly #listener: Listener
    #last: Packet | undefined

    constructor(listener: Listener) {
      super(NO_OPTIONS, listener.answered)
      this.#listener = listener
    }

    override start(_packet: undefined, connection: Internals): unknown {
      connection.sequenceId = this.#listener.packets
      this.options = connection.config
      return this.resultsetHeader
    }

    override execute(packet: Packet | undefined, connection: Internals): boolean {
      this.#last = packet
      const over = super.execute(packet, connection)
      if (this.#listener.onRows !== undefined) this.#handOver(BATCH)
      return over
    }

    /** There are no listeners; mysql2 compiles its reader of rows after this event. */
    override emit(event: string, fields?: readonly ReadField[]): boolean {
      if (event === 'fields' && !binary) readDoublesAsText(fields)
      return false
    }

    #handOver(least: number): void {
      const rows = this._rows[0]
      if (!Array.isArray(rows) || rows.length < least) return
      const batch = rows.splice(0) as Record<string, unknown>[]
      this.#listener.onRows?.({ rows: batch, fields: this._fields[0] ?? [], binary })
    }

    override done(): null {
      if (this.#listener.onRows !== undefined) this.#handOver(1)
      const result = this._rows[0]
      const last = this._rows.at(-1)
      const rows = Array.isArray(result) ? (result as Record<string, unknown>[]) : undefined
      const header = Array.isArray(last) ? undefined : (last as Header)
      const status = header === undefined ? this.#last?.eofStatusFlags() : header.serverStatus
      this.#listener.answered({ rows, fields: this._fields[0] ?? [], header, status, binary })
      return null
    }
  }
}

const TextReader = resultReader(Query, false)
const BinaryReader = resultReader(Execute, true)

/** Reads what became of a statement that is to be prepared. */
class PreparedReader extends Prepare {
  readonly #listener: Listener

  constructor(listener: Listener) {
    super(NO_OPTIONS, listener.answered)
    this.#listener = listener
  }

  override start(_packet: undefined, connection: Internals): unknown {
    connection.sequenceId = this.#listener.packets
    return this.prepareHeader
  }

  override emit(): boolean {
    return false
  }

  override prepareDone(): null {
    const { id, parameterCount } = this
    this.#listener.answered({ ...NOTHING, prepared: { id, parameterCount } })
    return null
  }
}

const NOTHING: Reply = { rows: undefined, fields: [], header: undefined, status: undefined, binary: false }

/** Readers of answers, by the form that those come in. */
export const readers: Readonly<Record<AnswerForm, new (listener: Listener) => Command>> = {
  text: TextReader,
  binary: BinaryReader,
  prepared: PreparedReader,
}

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
