/** Types and classes of mysql2 that it does not export: its commands, and the parts of its connection that they use. */
import type { Socket } from 'node:net'
import { Connection as Mysql2Connection } from 'mysql2'

/** The connection that `lease.native` lends. */
export type { Connection as NativeConnection } from 'mysql2/promise'

/** The part of mysql2's column definition that is used here. */
export interface Field {
  readonly name: string
  /** Column type (MySQL Source Documentation, "field_types.h"). */
  readonly type: number
  /** Column flags (MySQL Source Documentation, "Column Definition Flags"). */
  readonly flags: number
  /** Number of decimals; 31 if it is not fixed. */
  readonly decimals: number
  /** MariaDB's extended type of a text column: `json`. */
  readonly extendedFormat: string | undefined
}

/** A column definition, mutable, as mysql2's row parser uses it. */
export interface ReadField extends Field {
  name: string
  columnType: number
}

/** mysql2's connection, with members that its types omit. */
export interface Internals extends Mysql2Connection {
  readonly stream: Socket
  /** Calls back before mysql2 sends anything else, such as the password. */
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

/** A state of mysql2's reader: handles a packet and returns the next state, `null` at the end of the answer. */
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

/** mysql2's command classes. It exports none, so they are taken from the commands that its connection queues. */
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
