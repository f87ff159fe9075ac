/**
 * Readers of answers, derived from mysql2's command classes. They write nothing; `wire.ts` writes the packets. They rely on
 * internals of mysql2: a command writes its packet in `start`, which returns the first state of its reader, and `done` ends
 * it.
 */
import { ColumnNames } from './column-names.ts'
import {
  type Command,
  commands,
  type Field,
  type Internals,
  type Packet,
  type ReaderClass,
  type ReadField,
  type ResultReader,
  type State,
} from './mysql2-commands.ts'

/** Form of an answer: rows in text or binary form, or a prepared statement. */
export type AnswerForm = 'text' | 'binary' | 'prepared'

/** Rows of a result set, as mysql2 reads them. */
export interface Rows {
  readonly rows: readonly Record<string, unknown>[]
  readonly fields: readonly Field[]
  /** Whether the server sent them in binary form. */
  readonly binary: boolean
}

/** The server's answer to one command, other than an error. */
export interface Reply extends Omit<Rows, 'rows'> {
  /** Rows of the first result set; absent without one. */
  readonly rows: Rows['rows'] | undefined
  /** Number of result sets. */
  readonly resultSets: number
  /** OK packet; absent if the answer has rows only. */
  readonly header: Header | undefined
  /** The server's status flags; absent for a prepared statement. */
  readonly status: number | undefined
  /** Present for a prepared statement only. */
  readonly prepared?: Prepared
}

/** A statement that the session has prepared. */
export interface Prepared {
  readonly id: number
  readonly parameterCount: number
  /** Parameter types that the server expects, as far as it reports them (MySQL does since 8.0.22). */
  readonly expected: readonly number[]
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

/** mysql2 could not read the answer. The reader skipped the rest of it, so the connection remains usable. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer'
}

/** Receiver of an answer. */
export interface Listener {
  /** Number of packets of the command; the sequence numbers of the answer continue from it. */
  readonly packets: number
  readonly answered: (outcome: Reply | Error) => void
  /** Receives the rows in batches as they arrive; the reply then has none. */
  readonly onRows?: ((rows: Rows) => void) | undefined
}

/** The state that replaces mysql2's `row`. */
interface Readers {
  readonly readRow: State
}

const NO_OPTIONS = {}

/** Rows of a batch for `onRows`. */
const BATCH_ROWS = 256

/**
 * Reads the answer to a statement and reports it at once, without the tick that mysql2 waits. It skips the rest of an
 * unreadable answer, which mysql2 would take for the next answer, or close the connection.
 */
function resultReader(Base: ReaderClass<ResultReader>, binary: boolean) {
  const base = Base.prototype as ResultReader
  return class extends Base {
    readonly #listener: Listener
    #last: Packet | undefined
    #unreadable: UnreadableAnswer | undefined
    #names: ColumnNames | undefined

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
        if (this.next === base.row) this.next = (this as Readers).readRow
        if (this.#listener.onRows !== undefined) this.#emitRows(BATCH_ROWS)
        return over
      } catch (error) {
        if (state !== base.readField && state !== base.fieldsEOF) throw error
        this.#refuse(error)
        this.next = this.#skip(state === base.readField ? 2 : 1)
        return false
      }
    }

    readRow(packet: Packet, connection: Internals): State | null {
      if (packet.isEOF()) return super.row(packet, connection)
      try {
        this._currentRows.push(this._rowParser.next(packet, this._currentFields, this.options))
      } catch (error) {
        this.#refuse(error)
      }
      return (this as Readers).readRow
    }

    #refuse(error: unknown): void {
      const { message } = error as Error
      this.#unreadable ??= new UnreadableAnswer(message, { cause: error })
    }

    /** Skips packets up to the end of the rows, `ends` EOF packets away. */
    #skip(ends: number): State {
      return (packet, connection) => {
        if (!packet.isEOF()) return this.#skip(ends)
        return ends > 1 ? this.#skip(ends - 1) : super.row(packet, connection)
      }
    }

    /** No event has listeners. `fields` is the last moment before mysql2 compiles its row parser from the fields. */
    override emit(event: string, fields?: readonly ReadField[]): boolean {
      if (event !== 'fields' || fields === undefined) return false
      if (!binary) readDoublesAsText(fields)
      this.#names = ColumnNames.of(fields, this.#names)
      return false
    }

    #restoreNames(read: readonly unknown[]): Pick<Rows, 'rows' | 'fields'> {
      const rows = read as Rows['rows']
      const fields = this._fields[0] ?? []
      return { rows: this.#names?.restore(rows, fields) ?? rows, fields }
    }

    #emitRows(least: number): void {
      const rows = this._rows[0]
      if (!Array.isArray(rows) || rows.length < least) return
      const batch = this.#restoreNames(rows.splice(0))
      // Rows after an unreadable one are dropped: the statement fails, and there is a gap before them.
      if (this.#unreadable === undefined) this.#listener.onRows?.({ ...batch, binary })
    }

    override done(): null {
      if (this.#listener.onRows !== undefined) this.#emitRows(1)
      if (this.#unreadable !== undefined) {
        this.#listener.answered(this.#unreadable)
        return null
      }
      const result = this._rows[0]
      const last = this._rows.at(-1)
      const { rows, fields } = Array.isArray(result)
        ? this.#restoreNames(result)
        : { rows: undefined, fields: [] }
      const resultSets = this._rows.length > 2 ? this._rows.filter((each) => Array.isArray(each)).length : 1
      const header = Array.isArray(last) ? undefined : (last as Header)
      const status = header === undefined ? this.#last?.eofStatusFlags() : header.serverStatus
      this.#listener.answered({ rows, resultSets, fields, header, status, binary })
      return null
    }
  }
}

const TextReader = resultReader(commands.Query, false)
const BinaryReader = resultReader(commands.Execute, true)

/** Reads the answer to a PREPARE. */
class PreparedReader extends commands.Prepare {
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
    const expected = this.parameterDefinitions.map(({ columnType }) => columnType)
    this.#listener.answered({ ...EMPTY_REPLY, prepared: { id, parameterCount, expected } })
    return null
  }
}

const EMPTY_REPLY: Reply = {
  rows: undefined,
  resultSets: 0,
  fields: [],
  header: undefined,
  status: undefined,
  binary: false,
}

/** Readers by the form of the answer. */
export const readers: Readonly<Record<AnswerForm, new (listener: Listener) => Command>> = {
  text: TextReader,
  binary: BinaryReader,
  prepared: PreparedReader,
}

/** Types of columns (MySQL Source Documentation, "field_types.h"). */
const FLOAT = 4
const DOUBLE = 5
const DECIMAL = 246

/** mysql2 parses doubles digit by digit, with a wrong last bit in one of a hundred. It leaves decimals as text. */
function readDoublesAsText(fields: readonly ReadField[] = []): void {
  for (const field of fields) {
    if (field.columnType === DOUBLE || field.columnType === FLOAT) field.columnType = DECIMAL
  }
}
