/** An in-memory driver that records its calls, answers from a script, and asserts the contract of the driver port. */
import { MysqlAdapter, MysqlQueryCompiler, sql } from 'kysely'
import { composer } from '../statement/compile-only-kysely.ts'
import type {
  Answer,
  Command,
  Connection,
  Driver,
  DriverStats,
  NamedLocks,
  OutcomeLedger,
  StatementCommand,
} from '../driver.ts'
import { type AcquireError, ConnectionLostError, LeaseholdError, StatementError } from '../errors/errors.ts'
import {
  type Answers,
  refusal,
  type Reply,
  resultOfReply,
  scriptedReplies,
  withLocation,
} from '../interpreter/scripted-answers.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import { ASSUMED_SERVER, type ServerFacts } from '../statement/server-facts.ts'

/** Answers and faults of a {@link RecordingDriver}. */
export interface Script {
  /**
   * Replies to statements, by label or SQL, and to commands, by type: `explain`, `prepare`, `begin`, `savepoint`, `release`,
   * `rollback to`, `commit`, `rollback`. Default: a read gives no rows and a write matches one. `release` is refused after a
   * reply without an open transaction.
   */
  readonly answers?: Answers | undefined
  /** Number of the flight, from 1, that loses the connection; `sent`: whether the server may have received it. */
  readonly lost?: { readonly flight: number; readonly sent: boolean } | undefined
  /** Error that `acquire` rejects with. */
  readonly refused?: AcquireError | undefined
  /** Whether a flight may hold more than one command. Default: true. */
  readonly pipelining?: boolean | undefined
  /** Capabilities of the server. Default: it supports RETURNING and has no packet limit. */
  readonly server?: Partial<ServerFacts> | undefined
  /** Delays the answers of a flight, given its number. Default: one turn of the event loop. */
  readonly delay?: ((flight: number) => Promise<unknown>) | undefined
  /** Whether the server executes the commands after a failed one, since they are on the wire already. Default: true. */
  readonly carriesOn?: boolean | undefined
}

/** A call of the driver, or a flight as the names of its commands. */
export type JournalEntry = 'acquire' | 'release' | 'discard' | 'close' | readonly string[]

/**
 * A driver for tests without a server: `createUnitOfWork({ driver: new RecordingDriver({ answers }) })`. A call that breaks
 * the contract of the driver port throws an `Error`.
 *
 * @example
 * ```ts
 * const answers = { 'accounts.byId': { id: 1, name: 'Ann', cents: 5 } }
 * const driver = new RecordingDriver({ answers })
 * const uow = createUnitOfWork({ driver })
 * const { name } = await uow.run(accounts.byId(1))
 * console.log(name, driver.sent)
 * ```
 */
export class RecordingDriver implements Driver {
  /** Calls and flights, in order. */
  readonly journal: JournalEntry[] = []
  /** Commands of each flight, in order. */
  readonly flights: (readonly Command[])[] = []
  /** Reason of each discarded connection, in order. */
  readonly discarded: Error[] = []
  readonly outcomes: OutcomeLedger = ledger
  readonly locks: NamedLocks = locks
  readonly #script: Script
  readonly #reply: ReturnType<typeof scriptedReplies>
  #connections = 0

  constructor(script: Script = {}) {
    this.#script = script
    this.#reply = scriptedReplies(script.answers ?? {})
  }

  /** Names of all sent commands, in order. */
  get sent(): readonly string[] {
    return this.flights.flat().map(nameOf)
  }

  /** Number of COMMITs that were sent. */
  get commits(): number {
    return this.sent.filter((name) => name === 'commit').length
  }

  /** Number of ROLLBACKs that were sent. */
  get rollbacks(): number {
    return this.sent.filter((name) => name === 'rollback').length
  }

  acquire(): Promise<Connection> {
    this.journal.push('acquire')
    if (this.#script.refused !== undefined) return Promise.reject(this.#script.refused)
    return Promise.resolve(new RecordingConnection(this, this.#script, this.#reply, ++this.#connections))
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
  readonly proven = true
  readonly server: ServerFacts
  readonly #driver: RecordingDriver
  readonly #script: Script
  readonly #reply: ReturnType<typeof scriptedReplies>
  #state: 'idle' | 'flying' | 'lost' | 'ended' = 'idle'
  #inTransaction = false
  /** Whether a statement ended the transaction, and its savepoints with it. */
  #broken = false
  #interrupted: PromiseWithResolvers<void> | undefined
  readonly #discarded = Promise.withResolvers<never>()

  constructor(
    driver: RecordingDriver,
    script: Script,
    reply: ReturnType<typeof scriptedReplies>,
    id: number,
  ) {
    this.#driver = driver
    this.#script = script
    this.#reply = reply
    this.id = id
    this.pipelining = script.pipelining ?? true
    this.server = { ...ASSUMED_SERVER, ...script.server }
    // Without a flight, nothing awaits it: that must not be an unhandled rejection.
    this.#discarded.promise.catch(() => {})
  }

  async fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]> {
    const { lost, delay = () => new Promise(setImmediate) } = this.#script
    assert(this.#state === 'idle', `fly was called on a connection that is ${this.#state}`)
    assert(this.pipelining || commands.length === 1, 'commands were sent together without pipelining')
    assert(commands.length > 0, 'an empty flight was sent')
    assert(
      commands.length === 1 || commands.every(({ type }) => type !== 'read'),
      'a read was not sent alone',
    )
    this.#state = 'flying'
    this.#driver.journal.push(commands.map(nameOf))
    const flight = this.#driver.flights.push(commands)
    const interrupted = Promise.withResolvers<void>()
    this.#interrupted = interrupted
    const inTime = await Promise.race([
      delay(flight).then(() => true),
      interrupted.promise.then(() => false),
      this.#discarded.promise,
    ])
    if (lost?.flight === flight) {
      this.#state = 'lost'
      throw new ConnectionLostError('the connection to the server was lost', { sent: lost.sent })
    }
    this.#state = 'idle'
    if (commands.length > 1) onLast?.()
    let failed = false
    return commands.map((command, index) => {
      if (failed && (this.#script.carriesOn === false || !inTime)) return undefined
      const answer = inTime
        ? this.#answer(command, index)
        : withLocation(killed, { ...factsOf(command), index })
      failed ||= answer instanceof LeaseholdError
      return answer
    })
  }

  async *stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd?: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    const answers = await this.fly([...ahead, command])
    const answer = answers.find((each) => each instanceof LeaseholdError) ?? answers.at(-1)
    if (answer instanceof LeaseholdError) throw answer
    yield answer?.rows ?? []
    if (answer !== undefined) onEnd?.({ ...answer, rows: undefined })
  }

  /** Answers the first command of the current flight with the kind `killed`, and no later ones. */
  interrupt(): void {
    if (this.#state === 'flying') this.#interrupted?.resolve()
  }

  renew(transaction?: 'open'): void {
    assert(this.#state === 'idle', `renew was called on a connection that is ${this.#state}`)
    assert(!this.#inTransaction || transaction === 'open', 'renew was called with a transaction open')
    this.#inTransaction = false
    this.#broken = false
  }

  release(transaction?: 'open'): void {
    assert(this.#state === 'idle', `release was called on a connection that is ${this.#state}`)
    assert(!this.#inTransaction || transaction === 'open', 'release was called with a transaction open')
    this.#state = 'ended'
    this.#driver.journal.push('release')
  }

  discard(reason: Error): void {
    assert(this.#state !== 'ended', 'discard was called on a connection that is ended')
    this.#state = 'ended'
    this.#discarded.reject(
      new ConnectionLostError(`the connection was discarded: ${reason.message}`, {
        cause: reason,
        sent: true,
      }),
    )
    this.#driver.journal.push('discard')
    this.#driver.discarded.push(reason)
  }

  #answer(command: Command, index: number): Answer {
    const result = this.#resultOfReply(command)
    if (result instanceof LeaseholdError) {
      // InnoDB rolls back the whole transaction on a deadlock.
      if (result instanceof StatementError && result.kind === 'deadlock') {
        this.#inTransaction = false
        this.#broken = true
      }
      return withLocation(result, { ...factsOf(command), index })
    }
    this.#inTransaction = result.inTransaction
    this.#broken = (this.#broken || isRun(command)) && !ENDING.has(command.type) && !result.inTransaction
    return result
  }

  #resultOfReply(command: Command): StatementResult | LeaseholdError {
    const name = nameOf(command)
    const statement = isRun(command) ? command.statement : undefined
    try {
      const inTransaction = !ENDING.has(command.type)
      return resultOfReply(this.#reply(name, statement) ?? this.#defaultReply(command), {
        name,
        statement,
        inTransaction,
      })
    } catch (error) {
      if (error instanceof LeaseholdError) return error
      throw error
    }
  }

  #defaultReply(command: Command): Reply {
    if (command.type === 'release' && this.#broken) return refusal('unknown-name', 1_305)
    if (!isRun(command)) return {}
    const { kind, returning } = command.statement
    if (kind === 'unknown') return {}
    return kind === 'write' && !returning ? 1 : []
  }
}

const killed = refusal('killed', 1_317)

const ledgerBuilder = composer<{ leasehold_outcomes: { outcome_key: string } }>({
  adapter: new MysqlAdapter(),
  queryCompiler: new MysqlQueryCompiler(),
})

const ledger: OutcomeLedger = {
  record: (key) => ledgerBuilder.insertInto('leasehold_outcomes').values({ outcome_key: key }),
  find: (key) =>
    ledgerBuilder.selectFrom('leasehold_outcomes').select('outcome_key').where('outcome_key', '=', key),
}

const locks: NamedLocks = {
  take: (name, seconds) => ledgerBuilder.selectNoFrom(sql`get_lock(${name}, ${seconds})`.as('granted')),
  release: (name) => ledgerBuilder.selectNoFrom(sql`release_lock(${name})`.as('released')),
  holder: (name) => ledgerBuilder.selectNoFrom(sql`is_used_lock(${name})`.as('holder')),
}

/** Commands that leave no transaction open. */
const ENDING: ReadonlySet<Command['type']> = new Set(['read', 'commit', 'rollback'])

function assert(holds: boolean, message: string): void {
  if (!holds) throw new Error(`the contract of the driver port was broken: ${message}`)
}

function nameOf(command: Command): string {
  return isRun(command) ? (command.label ?? command.statement.sql) : command.type
}

/** Whether a command executes a statement, unlike `explain` and `prepare`. */
function isRun(command: Command): command is StatementCommand {
  return command.type === 'statement' || command.type === 'read'
}

function factsOf(command: Command): { readonly sql: string; readonly label: string | undefined } {
  if (!('statement' in command)) return { sql: command.type.toUpperCase(), label: undefined }
  return { sql: command.statement.sql, label: command.label }
}
