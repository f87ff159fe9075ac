/**
 * Reads answers with mysql2's own commands, which here write nothing. With `commands` and `pipeline`, this is what knows mysql2's
 * internals: that a command would write its packet in `start`, which returns the state that reads the answer, and that
 * `done` ends it.
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
  /** How many result sets there are. */
  readonly resultSets: number
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
  /** The types that the server expects of its parameters, as far as it tells (MySQL does, since 8.0.22). */
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

/** What takes the place of mysql2's `row`. */
interface Readers {
  readonly readRow: State
}

const NO_OPTIONS = {}

/** Rows that are handed over at a time, when they are wanted on their way. */
const BATCH = 256

/**
 * Reads what a statement gives, and hands it over at once: mysql2 itself waits for a tick. What can't be read is read past:
 * mysql2 would take the rest for the next answer, or give the connection up.
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
        if (this.#listener.onRows !== undefined) this.#rendezvous(BATCH)
        return over
      } catch (error) {
        if (state !== base.readField && state !== base.fieldsEOF) throw error
        this.#refuse(error)
        this.next = this.#pass(state === base.readField ? 2 : 1)
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
      this.#names = ColumnNames.of(fields, this.#names)
      return false
    }

    #named(read: readonly unknown[]): Pick<Rows, 'rows' | 'fields'> {
      const rows = read as Rows['rows']
      const fields = this._fields[0] ?? []
      return { rows: this.#names?.restore(rows, fields) ?? rows, fields }
    }

    #rendezvous(least: number): void {
      const rows = this._rows[0]
      if (!Array.isArray(rows) || rows.length < least) return
      const batch = this.#named(rows.splice(0))
      // There is a gap before the rows that come behind what can't be read.
      if (this.#unreadable === undefined) this.#listener.onRows?.({ ...batch, binary })
    }

    override done(): null {
      if (this.#listener.onRows !== undefined) this.#rendezvous(1)
      if (this.#unreadable !== undefined) {
        this.#listener.answered(this.#unreadable)
        return null
      }
      const result = this._rows[0]
      const last = this._rows.at(-1)
      const { rows, fields } = Array.isArray(result) ? this.#named(result) : { rows: undefined, fields: [] }
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

/** Reads what became of a statement that is to be prepared. */
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
    this.#listener.answered({ ...NOTHING, prepared: { id, parameterCount, expected } })
    return null
  }
}

const NOTHING: Reply = {
  rows: undefined,
  resultSets: 0,
  fields: [],
  header: undefined,
  status: undefined,
  binary: false,
}

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
