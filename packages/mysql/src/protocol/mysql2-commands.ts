/** mysql2's commands, which it does not export, and what of its connection they work on. */
import type { Socket } from 'node:net'
import { Connection as Mysql2Connection } from 'mysql2'

/** The part of mysql2's column definition that is used here. */
export interface Field {
  readonly name: string
  /** The type that the server sent. */
  readonly type: number
  /** Its flags (MySQL Source Documentation, "Column Definition Flags"). */
  readonly flags: number
  /** Digits behind the decimal point that the server writes; 31 if as many as there are. */
  readonly decimals: number
  /** MariaDB's remark on a text column: `json`. */
  readonly extendedFormat: string | undefined
}

/** A column definition as mysql2 reads rows by it. */
export interface ReadField extends Field {
  name: string
  columnType: number
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

export interface Packet {
  eofStatusFlags(): number
  isEOF(): boolean
}

export interface Command {
  start(packet: undefined, connection: Internals): unknown
  emit(event: string, ...details: unknown[]): boolean
}

type OnError = (error: Error) => void

/** A step of reading, which gives the next one; `null` when the answer is over. */
export type State = (packet: Packet, connection: Internals) => State | null

export interface ResultReader extends Command {
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
  row: State
  done(): null
}

export interface PrepareReader extends Command {
  readonly id: number
  readonly parameterCount: number
  readonly parameterDefinitions: readonly ReadField[]
  prepareHeader: unknown
  prepareDone(): null
}

export type ReaderClass<R> = new (options: object, onError: OnError) => R

/** mysql2's commands, of which it exports none: each is the class of what its connection queues. */
export const commands: Commands = commandClasses()

interface Commands {
  readonly Query: ReaderClass<ResultReader>
  readonly Execute: ReaderClass<ResultReader>
  readonly Prepare: ReaderClass<PrepareReader>
}

function commandClasses(): Commands {
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
