/** A driver in memory: writes down what it is asked to do, answers from a script, and insists on the port's contract. */
import { MysqlAdapter, MysqlQueryCompiler } from 'kysely'
import { composer } from '../statement/compile-only-kysely.ts'
import type {
  Answer,
  Command,
  Connection,
  Driver,
  DriverStats,
  OutcomeLedger,
  StatementCommand,
} from '../driver.ts'
import { type AcquireError, ConnectionLostError, LeaseholdError, StatementError } from '../errors/errors.ts'
import {
  type Answers,
  placed,
  refusal,
  replier,
  type Reply,
  resultOf,
} from '../interpreter/scripted-answers.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import { ASSUMED_SERVER, type ServerFacts } from '../statement/server-facts.ts'

/** What a {@link RecordingDriver} answers, and what it lets go wrong. */
export interface Script {
  /**
   * Replies to statements; `explain`, `prepare`, `begin`, `savepoint`, `release`, `rollback to`, `commit` and `rollback`
   * are names, too. Without a reply a read gives no rows, and a write has matched one; `release` is refused behind a reply
   * by which no transaction is open.
   */
  readonly answers?: Answers
  /** The flight, counted from 1, in which the connection is lost. */
  readonly lost?: { readonly flight: number; readonly sent: boolean }
  /** What `acquire` rejects with. */
  readonly refused?: AcquireError
  /** Whether a flight may hold more than one command; true unless given. */
  readonly pipelining?: boolean
  /** What the server can do: `RETURNING`, and statements of any length, unless given. */
  readonly server?: Partial<ServerFacts>
  /** What the answers of a flight wait for; a turn of the event loop unless given. */
  readonly delay?: (flight: number) => Promise<unknown>
  /** Whether what is behind a failing command was already on the wire, and is carried out; true unless given. */
  readonly carriesOn?: boolean
}

/** A flight is the list of its commands by name. */
export type JournalEntry = 'acquire' | 'release' | 'discard' | 'close' | readonly string[]

/**
 * For tests without a server: `createUnitOfWork({ driver: new RecordingDriver({ answers }) })`.
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
  /** What happened, in order. */
  readonly journal: JournalEntry[] = []
  /** The commands of the flights. */
  readonly flights: (readonly Command[])[] = []
  /** Why connections were discarded. */
  readonly discarded: Error[] = []
  readonly outcomes: OutcomeLedger = ledger
  readonly #script: Script
  readonly #reply: ReturnType<typeof replier>
  #connections = 0

  constructor(script: Script = {}) {
    this.#script = script
    this.#reply = replier(script.answers ?? {})
  }

  /** Names of all commands that were sent, without regard to flights. */
  get sent(): readonly string[] {
    return this.flights.flat().map(nameOf)
  }

  /** How often COMMIT was sent. */
  get commits(): number {
    return this.sent.filter((name) => name === 'commit').length
  }

  /** How often ROLLBACK was sent. */
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
  readonly #reply: ReturnType<typeof replier>
  #state: 'idle' | 'flying' | 'lost' | 'ended' = 'idle'
  #inTransaction = false
  /** Whether a statement has ended the transaction that its savepoints were set in. */
  #broken = false
  #interrupted: PromiseWithResolvers<void> | undefined
  readonly #discarded = Promise.withResolvers<never>()

  constructor(driver: RecordingDriver, script: Script, reply: ReturnType<typeof replier>, id: number) {
    this.#driver = driver
    this.#script = script
    this.#reply = reply
    this.id = id
    this.pipelining = script.pipelining ?? true
    this.server = { ...ASSUMED_SERVER, ...script.server }
    // Only a flight on its way is concerned.
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
      const answer = inTime ? this.#answer(command, index) : placed(killed, { ...factsOf(command), index })
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

  /** The first command of the flight on its way is then answered as killed, and none behind it. */
  interrupt(): void {
    if (this.#state === 'flying') this.#interrupted?.resolve()
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
    const result = this.#resultOf(command)
    if (result instanceof LeaseholdError) {
      // Like the server: a deadlock rolls the transaction back.
      if (result instanceof StatementError && result.kind === 'deadlock') {
        this.#inTransaction = false
        this.#broken = true
      }
      return placed(result, { ...factsOf(command), index })
    }
    this.#inTransaction = result.inTransaction
    this.#broken = (this.#broken || isRun(command)) && !ENDING.has(command.type) && !result.inTransaction
    return result
  }

  #resultOf(command: Command): StatementResult | LeaseholdError {
    const name = nameOf(command)
    const statement = isRun(command) ? command.statement : undefined
    try {
      const inTransaction = !ENDING.has(command.type)
      return resultOf(this.#reply(name, statement) ?? this.#defaultReply(command), {
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

/** Commands after which no transaction is open. */
const ENDING: ReadonlySet<Command['type']> = new Set(['read', 'commit', 'rollback'])

function assert(holds: boolean, message: string): void {
  if (!holds) throw new Error(`the contract of the driver port was broken: ${message}`)
}

function nameOf(command: Command): string {
  return isRun(command) ? (command.label ?? command.statement.sql) : command.type
}

/** Whether it runs a statement. */
function isRun(command: Command): command is StatementCommand {
  return command.type === 'statement' || command.type === 'read'
}

function factsOf(command: Command): { readonly sql: string; readonly label: string | undefined } {
  if (!('statement' in command)) return { sql: command.type.toUpperCase(), label: undefined }
  return { sql: command.statement.sql, label: command.label }
}
