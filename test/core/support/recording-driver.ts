/** A driver in memory: writes down what it is asked to do, answers from a script, and insists on the port's contract. */
import {
  type AcquireError,
  type Answer,
  type Command,
  type Connection,
  ConnectionLostError,
  type Driver,
  type DriverStats,
  LeaseholdError,
  type OutcomeLedger,
  StatementError,
  type StatementErrorKind,
  type StatementResult,
} from '@leasehold/core'
import { db } from './accounts.ts'

/** Rows, parts of a result, an error, or a function that is told how often the command came before. */
export type Reply =
  | readonly object[]
  | Partial<StatementResult>
  | LeaseholdError
  | ((before: number) => readonly object[] | Partial<StatementResult> | LeaseholdError)

export interface Script {
  /** By the label of a statement, else by its SQL; `begin`, `commit` and `rollback` are names, too. */
  readonly answers?: Readonly<Record<string, Reply>>
  /** The flight, counted from 1, in which the connection is lost. */
  readonly lost?: { readonly flight: number; readonly sent: boolean }
  /** What `acquire` rejects with. */
  readonly refused?: AcquireError
  readonly pipelining?: boolean
  /** What the answers of a flight wait for; a turn of the event loop unless given. */
  readonly delay?: (flight: number) => Promise<unknown>
  /** Whether what is behind a failing command was already on the wire, and is carried out; true unless given. */
  readonly carriesOn?: boolean
}

/** A flight is the list of its commands by name. */
export type Entry = 'acquire' | 'release' | 'discard' | 'close' | readonly string[]

export class RecordingDriver implements Driver {
  /** What happened, in order. */
  readonly journal: Entry[] = []
  /** The commands of the flights. */
  readonly flights: (readonly Command[])[] = []
  readonly discarded: Error[] = []
  readonly script: Script
  readonly #counts = new Map<string, number>()
  #connections = 0

  constructor(script: Script = {}) {
    this.script = script
  }

  /** Names of all commands that were sent, without regard to flights. */
  get sent(): readonly string[] {
    return this.flights.flat().map(nameOf)
  }

  /** How often a command of this name was answered before. */
  count(name: string): number {
    const before = this.#counts.get(name) ?? 0
    this.#counts.set(name, before + 1)
    return before
  }

  acquire(): Promise<Connection> {
    this.journal.push('acquire')
    if (this.script.refused !== undefined) return Promise.reject(this.script.refused)
    return Promise.resolve(new RecordingConnection(this, ++this.#connections))
  }

  readonly outcomes: OutcomeLedger = {
    record: (key) => db.insertInto('entries').values({ account: key.length, cents: 0 }),
    find: (key) => db.selectFrom('entries').select('id').where('account', '=', key.length),
  }

  stats(): DriverStats {
    const none = { open: 0, idle: 0, leased: 0, busy: 0, connecting: 0, waiting: 0 }
    return { ...none, created: this.#connections, discarded: {} }
  }

  close(): Promise<void> {
    this.journal.push('close')
    return Promise.resolve()
  }
}

class RecordingConnection implements Connection {
  readonly id: number
  readonly pipelining: boolean
  readonly #driver: RecordingDriver
  #state: 'idle' | 'flying' | 'lost' | 'ended' = 'idle'
  #inTransaction = false

  constructor(driver: RecordingDriver, id: number) {
    this.#driver = driver
    this.id = id
    this.pipelining = driver.script.pipelining ?? true
  }

  async fly(commands: readonly Command[]): Promise<readonly Answer[]> {
    const { lost, delay = () => new Promise(setImmediate) } = this.#driver.script
    this.#assert(this.#state === 'idle', `fly was called on a connection that is ${this.#state}`)
    this.#assert(this.pipelining || commands.length === 1, 'commands were sent together without pipelining')
    this.#assert(commands.length > 0, 'an empty flight was sent')
    this.#state = 'flying'
    this.#driver.journal.push(commands.map(nameOf))
    const flight = this.#driver.flights.push(commands)
    await delay(flight)
    if (lost?.flight === flight) {
      this.#state = 'lost'
      throw new ConnectionLostError('the connection to the server was lost', { sent: lost.sent })
    }
    this.#state = 'idle'
    let failed = false
    return commands.map((command, index) => {
      if (failed && this.#driver.script.carriesOn === false) return undefined
      const answer = this.#answer(command, index)
      failed ||= answer instanceof LeaseholdError
      return answer
    })
  }

  release(): void {
    this.#assert(this.#state === 'idle', `release was called on a connection that is ${this.#state}`)
    this.#assert(!this.#inTransaction, 'release was called with a transaction open')
    this.#state = 'ended'
    this.#driver.journal.push('release')
  }

  discard(reason: Error): void {
    this.#assert(
      this.#state === 'idle' || this.#state === 'lost',
      `discard was called on a connection that is ${this.#state}`,
    )
    this.#state = 'ended'
    this.#driver.journal.push('discard')
    this.#driver.discarded.push(reason)
  }

  #answer(command: Command, index: number): Answer {
    const reply = this.#reply(nameOf(command))
    if (reply instanceof LeaseholdError) {
      // Like the server: a deadlock rolls the transaction back.
      if (reply instanceof StatementError && reply.kind === 'deadlock') this.#inTransaction = false
      if (!(reply instanceof StatementError)) return reply
      const { kind, errno, sqlState, serverMessage } = reply
      return new StatementError({ kind, errno, sqlState, serverMessage, ...factsOf(command), index })
    }
    this.#inTransaction = reply.inTransaction ?? (command.type === 'begin' || command.type === 'statement')
    return { ...defaultResult(command), ...reply, inTransaction: this.#inTransaction }
  }

  #reply(name: string): Partial<StatementResult> | LeaseholdError {
    const { answers = {} } = this.#driver.script
    const scripted = answers[name] ?? {}
    const reply = typeof scripted === 'function' ? scripted(this.#driver.count(name)) : scripted
    return Array.isArray(reply) ? { rows: reply } : (reply as Partial<StatementResult> | LeaseholdError)
  }

  #assert(holds: boolean, message: string): void {
    if (!holds) throw new Error(`the contract of the driver port was broken: ${message}`)
  }
}

function nameOf(command: Command): string {
  return command.type === 'statement' ? (command.label ?? command.statement.sql) : command.type
}

function factsOf(command: Command): { readonly sql: string; readonly label: string | undefined } {
  if (command.type !== 'statement') return { sql: command.type.toUpperCase(), label: undefined }
  return { sql: command.statement.sql, label: command.label }
}

/** A refusal by the server, for scripts; the driver adds the statement that it answers. */
export function refusal(kind: StatementErrorKind = 'other', errno = 1_105): StatementError {
  return new StatementError({
    kind,
    errno,
    sqlState: 'HY000',
    serverMessage: `refused: ${kind}`,
    sql: '',
    label: undefined,
    index: 0,
  })
}

function defaultResult(command: Command): StatementResult {
  const kind = command.type === 'statement' ? command.statement.kind : undefined
  const reads = kind === 'read' || kind === 'locking read'
  const affectedRows = kind === 'write' ? 1 : 0
  return {
    rows: reads ? [] : undefined,
    affectedRows,
    changedRows: affectedRows,
    insertId: 0n,
    inTransaction: true,
  }
}
