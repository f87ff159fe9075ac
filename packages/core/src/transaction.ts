/** One transaction on one lease. Nothing else begins, commits or rolls back. */
import type { Answer, Command, StatementCommand, TransactionOptions } from './driver.ts'
import { ImplicitCommitError, LeaseholdError, StatementError, type StatementErrorKind } from './errors.ts'
import type { UnitEvent } from './events.ts'
import { Flights } from './flights.ts'
import type { Lease } from './lease.ts'
import type { ServerFacts } from './server.ts'
import type { Statement } from './statement.ts'

/** A statement to send, and the name it goes by. */
export interface Sendable {
  /** `statement` unless given. */
  readonly type?: Exclude<StatementCommand['type'], 'read'>
  readonly statement: Statement
  readonly label: string | undefined
}

const COMMIT: Command = { type: 'commit' }

/** Kinds of error with which the server rolls the transaction back; the last, if `innodb_rollback_on_timeout` is set. */
const ROLLING_BACK: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock', 'lock-timeout'])

/** What a unit sees of its transaction, which is a part of one in a sandbox. */
export type Scope = Pick<Transaction, keyof Transaction>

export class Transaction {
  readonly #flights: Flights
  /** Taken by the first BEGIN. */
  #options: TransactionOptions
  readonly #readOnly: boolean
  /** The server's last word on whether a transaction is open. */
  #open = false
  #savepoints = 0
  /** Names of savepoints that go with the next flight. */
  #pending: string[] = []
  #wrote = false
  /** Whether there is nothing to end: nothing was sent, or the server has ended it. */
  #over = true
  /** Takes over the lease, which ends with {@link commit} or {@link rollback}. */
  constructor(lease: Lease, options: TransactionOptions, event: UnitEvent) {
    this.#flights = new Flights(lease, event)
    this.#options = options
    this.#readOnly = options.accessMode === 'read only'
  }

  get server(): ServerFacts {
    return this.#flights.server
  }

  /** Round trips made so far. */
  get flights(): number {
    return this.#flights.count
  }

  /** Whether a statement was sent that may have changed something. */
  get wrote(): boolean {
    return this.#wrote
  }

  /**
   * Sends statements in one flight, with COMMIT right behind them where `andCommit` allows it, and gives their
   * answers in order; a statement that was not sent because an earlier one had failed has none. Rejects when
   * nothing is known of the answers, with a `ConnectionLostError` or `CommitUnknownError`, and with an
   * `ImplicitCommitError`.
   */
  async send(statements: readonly Sendable[], andCommit: boolean): Promise<readonly Answer[]> {
    const [first] = statements
    if (andCommit && first !== undefined && this.#isLoneRead(statements)) return this.#readAlone(first)
    const before = this.#takePreliminaries(statements)
    this.#wrote ||= !this.#readOnly && statements.some(({ statement }) => statement.mayWrite)
    // What is refused before a write doesn't keep the write from being carried out; and where the way to the server may
    // have died, a write without COMMIT is lost and nothing more.
    const commits = andCommit && !((before.length > 0 || !this.#flights.proven) && this.#wrote)
    const commands = [
      ...before,
      ...statements.map(({ type = 'statement', statement, label }): Command => ({ type, statement, label })),
      ...(commits ? [COMMIT] : []),
    ]

    const answers = await this.#fly(commands)
    this.#assertBegun(answers.slice(0, before.length))
    if (commits) this.#noteEnd(answers.at(-1))
    const own = answers.slice(before.length, commits ? -1 : undefined)
    await this.#assertUnbroken(statements, own)
    return own
  }

  /**
   * Sends one statement that reads, and gives its rows in batches as they are taken. Throws the answer that is an error,
   * or a `ConnectionLostError`. Nothing else must be sent until it has ended.
   */
  async *stream({ statement, label }: Sendable): AsyncGenerator<readonly unknown[], void, undefined> {
    const command = { type: 'statement', statement, label } as const
    const before = this.#takePreliminaries([command])
    const ahead = this.#flights.pipelining ? before : []
    if (before.length > ahead.length) this.#assertBegun(await this.#fly(before))
    this.#over = false
    yield* this.#flights.stream(command, ahead)
  }

  /** What the transaction is doing, for messages. */
  get activity(): string {
    return this.#flights.activity
  }

  /** Gives the connection up at once, whatever it is doing; what waits for it fails with `error`. */
  stop(error: Error): void {
    this.#flights.stop(error)
  }

  /** Sets a savepoint, which travels with the statements that are sent next. */
  savepoint(): string {
    this.#savepoints += 1
    const name = `leasehold_${this.#savepoints}`
    this.#pending.push(name)
    return name
  }

  /** Undoes what was sent since the savepoint. Rejects if that can't be done: the transaction must then end. */
  async rollbackTo(name: string): Promise<void> {
    const unsent = this.#pending.indexOf(name)
    if (unsent !== -1) {
      this.#pending.splice(unsent)
      return
    }
    const [answer] = await this.#fly([{ type: 'rollback to', name }])
    if (answer instanceof LeaseholdError) throw answer
  }

  /**
   * Makes the work durable and gives the connection back. Rejects with a `StatementError` if the server refuses, a
   * `ConnectionLostError` or a `CommitUnknownError`; {@link rollback} is then still to be called.
   */
  async commit(): Promise<void> {
    if (!this.#over && !this.#isLeftOpen) {
      const [answer] = await this.#fly([COMMIT])
      if (answer instanceof LeaseholdError) throw answer
      this.#noteEnd(answer)
    }
    this.#end('after COMMIT')
  }

  /** Undoes the work and gives the connection back. Never rejects: what can't be rolled back is discarded. */
  async rollback(): Promise<void> {
    if (this.#flights.isOpen && !this.#over && !this.#isLeftOpen) {
      try {
        const [answer] = await this.#fly([{ type: 'rollback' }])
        if (answer instanceof LeaseholdError) this.#flights.spend(answer)
        else this.#noteEnd(answer)
      } catch (error) {
        this.#flights.spend(error as Error)
      }
    }
    this.#end('after ROLLBACK')
  }

  /** Whether it is given back as it is: how one that is read only ends makes no difference, so nobody waits for it. */
  get #isLeftOpen(): boolean {
    return this.#readOnly && this.#flights.pipelining
  }

  /** Whether one read is all of the transaction, which has no options but to be read only. */
  #isLoneRead(statements: readonly Sendable[]): boolean {
    if (!this.#readOnly || statements.length > 1 || statements[0]?.statement.kind !== 'read') return false
    return Object.keys(this.#options).length === 1 && this.#pending.length === 0
  }

  async #readAlone({ statement, label }: Sendable): Promise<readonly Answer[]> {
    const answers = await this.#fly([{ type: 'read', statement, label }])
    this.#over = true
    return answers
  }

  /**
   * What goes before the statements. Options need a BEGIN; so do a savepoint, and a statement that may commit by itself,
   * which nobody would notice without one.
   */
  #takePreliminaries(statements: readonly Sendable[]): Command[] {
    const options = this.#options
    const savepoints = this.#pending
    this.#options = {}
    this.#pending = []
    const needed = savepoints.length > 0 || statements.some(({ statement }) => statement.kind === 'unknown')
    const begins = (needed && !this.#open) || Object.keys(options).length > 0
    return [
      ...(begins ? [{ type: 'begin', options } as const] : []),
      ...savepoints.map((name) => ({ type: 'savepoint', name }) as const),
    ]
  }

  #fly(commands: readonly Command[]): Promise<readonly Answer[]> {
    this.#over = false
    return this.#flights.fly(commands, this.#wrote)
  }

  /** COMMIT or ROLLBACK has done what it says; the session is spent if the server still reports a transaction. */
  #noteEnd(answer: Answer): void {
    if (answer === undefined || answer instanceof LeaseholdError) return
    this.#over = true
    if (answer.inTransaction) {
      const reason = 'the server reports an open transaction after its end; is completion_type set?'
      this.#flights.spend(new Error(reason))
    }
  }

  #assertBegun(answers: readonly Answer[]): void {
    const refused = answers.find((answer) => answer instanceof LeaseholdError)
    if (refused === undefined) return
    // SET TRANSACTION may have come through without the transaction that it was meant for.
    this.#flights.spend(refused)
    throw refused
  }

  async #assertUnbroken(statements: readonly Sendable[], answers: readonly Answer[]): Promise<void> {
    for (const [index, { type = 'statement', statement, label }] of statements.entries()) {
      const answer = answers[index]
      const failed = answer instanceof LeaseholdError
      if (type === 'statement' && statement.kind === 'unknown' && (await this.#hasCommitted(answer))) {
        throw new ImplicitCommitError(label, statement.sql, failed ? { cause: answer } : {})
      }
      if (answer === undefined || failed) return
      this.#open = answer.inTransaction
    }
  }

  /** Whether raw SQL has committed the transaction. An error does not tell: behind one the server is asked. */
  async #hasCommitted(answer: Answer): Promise<boolean> {
    const untold = answer instanceof StatementError && !ROLLING_BACK.has(answer.kind)
    const [told] = untold ? await this.#fly([{ type: 'ask' }]) : [answer]
    return told !== undefined && !(told instanceof LeaseholdError) && !told.inTransaction
  }

  #end(where: string): void {
    this.#flights.end(where, this.#over ? undefined : 'open')
  }
}
