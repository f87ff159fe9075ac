/** One transaction on one lease. No other code begins, commits or rolls back. */
import { tellsNotCommitted } from './commit-answer.ts'
import type { Answer, Command, Session, StatementCommand, TransactionOptions } from '../driver.ts'
import { CommitUnknownError, ConnectionLostError, LeaseholdError, StatementError } from '../errors/errors.ts'
import type { UnitEvent } from '../events.ts'
import { Flights } from './flights.ts'
import { type Guard, Integrity, isKilled, isRun, releases, TRIES } from './integrity.ts'
import type { LeaseHandle } from './lease.ts'
import type { StatementResult } from '../statement/statement-result.ts'

const COMMIT: Command = { type: 'commit' }

/** Milliseconds that a stopped unit waits for the answer to its ROLLBACK. */
const ROLLBACK_TIMEOUT = 1_000

/** The end of a transaction that travels with its last statements; see `commitTiming`. */
export interface CommitAlong {
  readonly timing: 'along' | 'implied'
  /** Milliseconds for the answer to COMMIT, from the last other answer on. */
  readonly limit: number
}

/** The transaction as a unit sees it. In a sandbox it is part of another one. */
export type TransactionHandle = Pick<Transaction, keyof Transaction>

/** The transaction as the next flight finds it; see `commitTiming`. */
export interface CommitFacts {
  readonly readOnly: boolean
  /** Whether a statement was sent before that may have changed something. */
  readonly wrote: boolean
  /** Commands that go ahead of the statements: none, BEGIN READ ONLY without more options, or others. */
  readonly ahead: 'nothing' | 'begin read only' | 'more'
  /** Whether the server has answered within the last second. */
  readonly proven: boolean
}

export class Transaction {
  readonly #flights: Flights
  /** Sent with the first BEGIN. */
  #options: TransactionOptions
  readonly #readOnly: boolean
  readonly integrity: Integrity = new Integrity((commands) => this.#fly(commands))
  /** Savepoints that the next flight sets. */
  #pending: string[] = []
  #wrote = false
  /** The error of a COMMIT that failed, or may have failed. */
  #refused: LeaseholdError | undefined
  #unknown: CommitUnknownError | undefined
  /** Whether no transaction is open: nothing was sent, or the server has ended it. */
  #over = true

  /** Owns the lease until {@link commit} or {@link rollback}. */
  constructor(lease: LeaseHandle, options: TransactionOptions, event: UnitEvent) {
    this.#flights = new Flights(lease, event)
    this.#options = options
    this.#readOnly = options.accessMode === 'read only'
  }

  get session(): Session {
    return this.#flights.session
  }

  /** Its flights, read only. */
  get flights(): Pick<Flights, 'activity' | 'count'> {
    return this.#flights
  }

  /** The facts for `commitTiming`; absent if the transaction does not commit by itself. */
  get commitFacts(): CommitFacts | undefined {
    return { readOnly: this.#readOnly, wrote: this.#wrote, ahead: this.#ahead, proven: this.session.proven }
  }

  /** The error with which the server rolled back the whole transaction, even if another error came first. */
  get ended(): StatementError | undefined {
    return this.#flights.ended
  }

  /** Set if COMMIT was sent and no answer shows whether the server executed it. */
  get unknown(): CommitUnknownError | undefined {
    return this.#unknown
  }

  /**
   * Sends statements in one flight, ended by `commit` if given, and returns their answers in order. A statement that was not
   * sent because an earlier one had failed has no answer. Rejects with a `ConnectionLostError` or `CommitUnknownError` if
   * answers are missing, and with an `ImplicitCommitError`.
   */
  async send(statements: readonly StatementCommand[], commit?: CommitAlong): Promise<readonly Answer[]> {
    if (commit?.timing === 'implied') {
      const answers = await this.#fly(statements.map((command) => ({ ...command, type: 'read' })))
      this.#over = true
      return answers
    }
    const left = this.integrity.takeLeft()
    const before = this.#takePreliminaries()
    for (const command of statements) this.#note(command)
    const commands = [...releases(left), ...before]
    const guards: Guard[] = []
    const places = statements.map((command) => this.integrity.place(command, commands, guards))
    if (commit !== undefined) commands.push(COMMIT)

    const judge = this.integrity.doubt(guards)
    const answers = await this.#fly(commands, commit?.limit)
    const refused = this.#refusalOf(before, answers.slice(left.length))
    if (commit !== undefined) this.#refused = this.#noteCommit(answers.at(-1))
    // Checked before anything is thrown: the server executes statements behind a refused BEGIN.
    await judge(answers)
    await this.integrity.assertKept(left, answers)
    if (refused !== undefined) throw refused
    const own = places.map((place) => answers[place])
    this.integrity.assertOpen(statements, own)
    this.#assertAnswered(own, answers)
    return own
  }

  /**
   * Sends one statement that reads, and yields its rows in batches as the loop takes them. Throws the server's error or a
   * `ConnectionLostError`. Nothing else must be sent until it has ended.
   */
  async *stream(command: StatementCommand): AsyncGenerator<readonly unknown[], void, undefined> {
    await this.confirm()
    const savepoint = this.savepoint()
    const ahead = this.#takePreliminaries()
    this.#over = false
    this.#note(command)
    let left = true
    let end: StatementResult | undefined
    try {
      yield* this.#flights.stream(command, ahead, (result) => (end = result))
      left = false
    } catch (error) {
      left = false
      throw error
    } finally {
      if (left) this.integrity.leave({ command, savepoint })
    }
    if (end !== undefined) this.integrity.assertOpen([command], [end])
  }

  /** See {@link Integrity}. */
  confirm(): Promise<void> {
    return this.integrity.confirm()
  }

  /**
   * Sends nothing more but ROLLBACK, and interrupts the flight on its way. Later sends reject with `reason`. Returns false
   * during COMMIT: its answer then decides how the transaction ends.
   */
  stop(reason: Error): boolean {
    const { committing } = this.#flights
    this.#flights.stop(reason)
    return !committing
  }

  /** Interrupts the flight on its way, if there is one. */
  interrupt(): void {
    this.#flights.interrupt()
  }

  /** Sets a savepoint, which travels with the next statements. */
  savepoint(): string {
    const name = this.integrity.newSavepoint()
    this.#pending.push(name)
    return name
  }

  /**
   * Undoes everything since the savepoint. Rejects if the server refuses, or takes more than a second after the unit was
   * `stopped`; the transaction must then end.
   */
  async rollbackTo(name: string, { stopped = false }: { readonly stopped?: boolean } = {}): Promise<void> {
    if (this.ended !== undefined) throw this.ended
    const unsent = this.#pending.indexOf(name)
    if (unsent !== -1) {
      this.#pending.splice(unsent)
      return
    }
    const command: Command = { type: 'rollback to', name }
    let [answer] = await this.#undo(command, stopped)
    // An interrupted ROLLBACK TO leaves the savepoint in place.
    for (let tries = 1; tries < TRIES && isKilled(answer); tries += 1) {
      ;[answer] = await this.#undo(command, stopped)
    }
    if (answer instanceof LeaseholdError) throw answer
    // The savepoint exists, so the transaction does: streams left since then need no confirmation.
    this.integrity.takeLeft()
  }

  /**
   * Commits and gives the connection back. Rejects with a `StatementError` if the server rolled back, with a
   * `CommitUnknownError` if the outcome is unknown, also after `limit` milliseconds without an answer, with a
   * `ConnectionLostError`, or with the reason for which the unit was stopped. Call {@link rollback} then.
   */
  async commit(limit: number): Promise<void> {
    if (this.#refused !== undefined) throw this.#refused
    if (!this.#over && !this.#isLeftOpen) {
      await this.confirm()
      const [answer] = await this.#settled(this.#flights.flyWithin(limit, COMMIT))
      this.#refused = this.#noteCommit(answer)
      if (this.#refused !== undefined) throw this.#refused
    }
    this.#end('after COMMIT')
  }

  /** Rolls back and gives the connection back. Never rejects: a connection that cannot roll back is discarded. */
  async rollback(): Promise<void> {
    if (this.#flights.isOpen && !this.#over && !this.#isLeftOpen) {
      try {
        await this.#flights.landed()
        const [answer] = await this.#undo({ type: 'rollback' }, this.#flights.stopped !== undefined)
        if (answer instanceof LeaseholdError) this.#flights.spend(answer)
        else this.#noteEnd(answer)
      } catch (error) {
        this.#flights.spend(error as Error)
      }
    }
    this.#end('after ROLLBACK')
  }

  /**
   * Whether the connection is released with the transaction open. The end of a read-only transaction changes nothing, so the
   * release does not wait for it.
   */
  get #isLeftOpen(): boolean {
    return this.#readOnly && this.session.pipelining
  }

  /** Commands that go ahead of the next statements. */
  get #ahead(): CommitFacts['ahead'] {
    const options = Object.keys(this.#options).length
    if (this.#pending.length > 0 || this.integrity.hasLeft) return 'more'
    if (options === 0) return 'nothing'
    return this.#readOnly && options === 1 ? 'begin read only' : 'more'
  }

  /** BEGIN, in the first flight and if there are options, and the savepoints that are due. */
  #takePreliminaries(): Command[] {
    const options = this.#options
    const savepoints = this.#pending
    this.#options = {}
    this.#pending = []
    return [
      ...(Object.keys(options).length > 0 ? [{ type: 'begin', options } as const] : []),
      ...savepoints.map((name) => ({ type: 'savepoint', name }) as const),
    ]
  }

  #note(command: StatementCommand): void {
    this.#wrote ||= !this.#readOnly && isRun(command) && command.statement.mayWrite
  }

  #fly(commands: readonly Command[], commitLimit?: number): Promise<readonly Answer[]> {
    this.#over = false
    return this.#settled(this.#flights.fly(commands, commitLimit))
  }

  #undo(command: Command, stopped: boolean): Promise<readonly Answer[]> {
    return stopped ? this.#flights.flyWithin(ROLLBACK_TIMEOUT, command) : this.#fly([command])
  }

  /** Rejects with a `CommitUnknownError` if COMMIT went unanswered and the transaction had changes. */
  async #settled(answers: Promise<readonly Answer[]>): Promise<readonly Answer[]> {
    try {
      return await answers
    } catch (error) {
      const { commitLost, cut, stopped } = this.#flights
      if (commitLost === undefined || !this.#wrote) throw error
      const by = cut ?? stopped
      const why = by === undefined ? 'the connection was lost' : `the wait for it ended (${by.message})`
      throw this.#noteUnknown(
        `COMMIT was sent and its answer did not arrive, because ${why}`,
        by ?? commitLost,
      )
    }
  }

  /** The error of a COMMIT that has not certainly committed. */
  #noteCommit(answer: Answer): LeaseholdError | undefined {
    if (!(answer instanceof LeaseholdError)) {
      this.#noteEnd(answer)
      return undefined
    }
    if (!this.#wrote || tellsNotCommitted(answer)) return answer
    const number = answer instanceof StatementError ? `${answer.errno}, ${answer.sqlState}` : answer.name
    const why = `COMMIT was answered with an error that does not show whether the server executed it (${number})`
    const unknown = this.#noteUnknown(why, answer)
    this.#flights.spend(unknown)
    return unknown
  }

  #noteUnknown(why: string, cause: Error): CommitUnknownError {
    this.#unknown = new CommitUnknownError(
      `${why}: the unit was committed whole or not at all; check the database before you run it again, or set outcomeKey`,
      { cause },
    )
    return this.#unknown
  }

  /** Notes a COMMIT or ROLLBACK. The session is closed if the server still reports a transaction. */
  #noteEnd(answer: Answer): void {
    if (answer === undefined || answer instanceof LeaseholdError) return
    this.#over = true
    if (answer.inTransaction) {
      const reason = 'the server reports an open transaction after its end; is completion_type set?'
      this.#flights.spend(new Error(reason))
    }
  }

  /** The error with which the server refused BEGIN or a savepoint. */
  #refusalOf(before: readonly Command[], answers: readonly Answer[]): LeaseholdError | undefined {
    const refused = answers.slice(0, before.length).find((answer) => answer instanceof LeaseholdError)
    // SET TRANSACTION may have succeeded without its transaction, and would apply to the next one.
    if (refused !== undefined && before[0]?.type === 'begin') this.#flights.spend(refused)
    return refused
  }

  /** Throws the error that kept a statement from being sent, unless it is one of the statements' own. */
  #assertAnswered(own: readonly Answer[], answers: readonly Answer[]): void {
    const unsent = own.indexOf(undefined)
    if (unsent === -1 || own.slice(0, unsent).some((answer) => answer instanceof LeaseholdError)) return
    const reason = this.#flights.stopped ?? answers.find((answer) => answer instanceof LeaseholdError)
    throw (
      reason ?? new ConnectionLostError('a statement was not sent, and no answer shows why', { sent: true })
    )
  }

  #end(where: string): void {
    this.#flights.end(where, this.#over ? undefined : 'open')
  }
}
