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
  name: string
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
  isEOF(): boolean
}

/** Why an answer could not be read. It has been read past, so that the connection is sound. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer'
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

/** A step of reading, which gives the next one; `null` when the answer is over. */
type State = (packet: Packet, connection: Internals) => State | null

interface ResultReader extends Command {
  options: object
  next: State | null
  readonly _rows: readonly unknown[]
  readonly _fields: readonly (readonly ReadField[] | undefined)[]
  readonly _currentRows: unknown[]
  readonly _currentFields: readonly ReadField[]
  readonly _rowParser: { next(packet: Packet, fields: readonly ReadField[], options: object): unknown }
  execute(packet: Packet | undefined, connection: Internals): boolean
  resultsetHeader: unknown
  readField: State
  fieldsEOF: State
  row(packet: Packet, connection: Internals): State | null
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

/**
 * Reads what a statement gives, and hands it over at once: mysql2 itself waits for a tick. What can't be read is read past:
 * mysql2 would take the rest for the next answer, or give the connection up.
 */
function resultReader(Base: ReaderClass<ResultReader>, binary: boolean) {
  const { readField, fieldsEOF, row } = Base.prototype as ResultReader
  return class extends Base {
    readonly #listener: Listener
    #last: Packet | undefined
    #unreadable: UnreadableAnswer | undefined
    #names: Map<string, string> | undefined

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
      const state = this.next
      try {
        const over = super.execute(packet, connection)
        if (this.next === row) this.next = this.row
        if (this.#listener.onRows !== undefined) this.#handOver(BATCH)
        return over
      } catch (error) {
        if (state !== readField && state !== fieldsEOF) throw error
        this.#refuse(error)
        this.next = this.#pass(state === readField ? 2 : 1)
        return false
      }
    }

    override row(packet: Packet, connection: Internals): State | null {
      if (packet.isEOF()) return super.row(packet, connection)
      try {
        this._currentRows.push(this._rowParser.next(packet, this._currentFields, this.options))
      } catch (error) {
        this.#refuse(error)
      }
      return this.row
    }

    #refuse(error: unknown): void {
      const { message } = error as Error
      this.#unreadable ??= new UnreadableAnswer(message, { cause: error })
    }

    /** Passes over packets up to the end of the rows, which is this many ends away. */
    #pass(ends: number): State {
      return (packet, connection) => {
        if (!packet.isEOF()) return this.#pass(ends)
        return ends > 1 ? this.#pass(ends - 1) : super.row(packet, connection)
      }
    }

    /** There are no listeners; mysql2 compiles its reader of rows after this event. */
    override emit(event: string, fields?: readonly ReadField[]): boolean {
      if (event !== 'fields' || fields === undefined) return false
      if (!binary) readDoublesAsText(fields)
      for (const field of fields) if (REFUSED.has(field.name)) this.#rename(field, fields)
      return false
    }

    #rename(field: ReadField, fields: readonly ReadField[]): void {
      const { name } = field
      let other = `\0${name}`
      while (fields.some((each) => each.name === other && this.#names?.get(other) !== name))
        other = `\0${other}`
      this.#names ??= new Map()
      this.#names.set(other, name)
      field.name = other
    }

    #rows(rows: readonly unknown[]): Pick<Rows, 'rows' | 'fields'> {
      const fields = this._fields[0] ?? []
      const read = rows as readonly Record<string, unknown>[]
      const names = this.#names
      if (names === undefined) return { rows: read, fields }
      for (const field of fields) field.name = names.get(field.name) ?? field.name
      return { rows: read.map((each) => renamed(each, names)), fields }
    }

    #handOver(least: number): void {
      const rows = this._rows[0]
      if (!Array.isArray(rows) || rows.length < least) return
      const batch = this.#rows(rows.splice(0))
      // There is a gap before the rows that come behind what can't be read.
      if (this.#unreadable === undefined) this.#listener.onRows?.({ ...batch, binary })
    }

    override done(): null {
      if (this.#listener.onRows !== undefined) this.#handOver(1)
      if (this.#unreadable !== undefined) {
        this.#listener.answered(this.#unreadable)
        return null
      }
      const result = this._rows[0]
      const last = this._rows.at(-1)
      const { rows, fields } = Array.isArray(result) ? this.#rows(result) : { rows: undefined, fields: [] }
      const header = Array.isArray(last) ? undefined : (last as Header)
      const status = header === undefined ? this.#last?.eofStatusFlags() : header.serverStatus
      this.#listener.answered({ rows, fields, header, status, binary })
      return null
    }
  }
}

/** Names of columns that mysql2 reads no rows with, since they are those of every object's properties. */
const REFUSED: ReadonlySet<string> = new Set([
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  '__proto__',
])

/** The row with the names that its columns have, as properties of its own. */
function renamed(row: Record<string, unknown>, names: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [names.get(name) ?? name, value]))
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
