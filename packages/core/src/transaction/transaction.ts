/** One transaction on one lease. Nothing else begins, commits or rolls back. */
import { tellsNotCommitted } from './commit-answer.ts'
import type { Answer, Command, Session, StatementCommand, TransactionOptions } from '../driver.ts'
import { CommitUnknownError, ConnectionLostError, LeaseholdError, StatementError } from '../errors/errors.ts'
import type { UnitEvent } from '../events.ts'
import { Flights } from './flights.ts'
import { type Guard, Integrity, isKilled, isRun, releases, TRIES } from './integrity.ts'
import type { Lease } from './lease.ts'
import type { StatementResult } from '../statement/statement-result.ts'

const COMMIT: Command = { type: 'commit' }

/** Milliseconds that a unit which was stopped waits for the answer to its ROLLBACK. */
const ROLLBACK_TIMEOUT = 1_000

/** How a flight ends the transaction: with a COMMIT behind the statements, or by itself, with the one read that it is. */
export interface CommitAlong {
  readonly timing: 'along' | 'implied'
  /** Milliseconds for the answer to COMMIT, from the last other answer on. */
  readonly limit: number
}

/** What a unit sees of its transaction, which is a part of one in a sandbox. */
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
  /** Taken by the first BEGIN. */
  #options: TransactionOptions
  readonly #readOnly: boolean
  readonly integrity: Integrity = new Integrity((commands) => this.#fly(commands))
  /** Names of savepoints that go with the next flight. */
  #pending: string[] = []
  #wrote = false
  /** Why COMMIT did not commit, or may not have. */
  #refused: LeaseholdError | undefined
  #unknown: CommitUnknownError | undefined
  /** Whether there is nothing to end: nothing was sent, or the server has ended it. */
  #over = true

  /** Takes over the lease, which ends with {@link commit} or {@link rollback}. */
  constructor(lease: Lease, options: TransactionOptions, event: UnitEvent) {
    this.#flights = new Flights(lease, event)
    this.#options = options
    this.#readOnly = options.accessMode === 'read only'
  }

  get session(): Session {
    return this.#flights.session
  }

  /** Its flights, to look at. */
  get flights(): Pick<Flights, 'activity' | 'count'> {
    return this.#flights
  }

  /** Whether a COMMIT can go along with the next statements; see `commitTiming`. */
  get commitFacts(): CommitFacts | undefined {
    return { readOnly: this.#readOnly, wrote: this.#wrote, ahead: this.#ahead, proven: this.session.proven }
  }

  /** The error with which the server has rolled the whole transaction back, whichever came before it. */
  get ended(): StatementError | undefined {
    return this.#flights.ended
  }

  /** Set where COMMIT was sent and nothing tells whether it was carried out. */
  get unknown(): CommitUnknownError | undefined {
    return this.#unknown
  }

  /**
   * Sends statements in one flight, with COMMIT if they are to end the transaction, and gives their answers in order; a statement that was not sent because an earlier one had failed has none. Rejects when
   * nothing is known of the answers, with a `ConnectionLostError` or `CommitUnknownError`, and with an
   * `ImplicitCommitError`.
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
    // Before anything is thrown: what was on the wire behind a refused BEGIN was carried out all the same.
    await judge(answers)
    await this.integrity.assertKept(left, answers)
    if (refused !== undefined) throw refused
    const own = places.map((place) => answers[place])
    this.integrity.assertOpen(statements, own)
    this.#assertAnswered(own, answers)
    return own
  }

  /**
   * Sends one statement that reads, and gives its rows in batches as they are taken. Throws the answer that is an error,
   * or a `ConnectionLostError`. Nothing else must be sent until it has ended.
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
   * Has nothing more sent but ROLLBACK, and the server stop what is on its way; what is still to be sent fails with
   * `reason`. Gives false where COMMIT is on its way: then its answer tells how the transaction ends.
   */
  stop(reason: Error): boolean {
    const { committing } = this.#flights
    this.#flights.stop(reason)
    return !committing
  }

  /** Has the server stop what is on its way, if anything is. */
  interrupt(): void {
    this.#flights.interrupt()
  }

  /** Sets a savepoint, which travels with the statements that are sent next. */
  savepoint(): string {
    const name = this.integrity.newSavepoint()
    this.#pending.push(name)
    return name
  }

  /**
   * Undoes what was sent since the savepoint. Rejects if that can't be done, or is not within a second where something
   * was `stopped`: the transaction must then end.
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
    // The savepoint is there as before, whether or not it was done.
    for (let tries = 1; tries < TRIES && isKilled(answer); tries += 1) {
      ;[answer] = await this.#undo(command, stopped)
    }
    if (answer instanceof LeaseholdError) throw answer
    // It is there, and so is the transaction: what was left since needs no confirmation.
    this.integrity.takeLeft()
  }

  /**
   * Makes the work durable and gives the connection back. Rejects with a `StatementError` if the server has rolled it
   * back, with a `CommitUnknownError` if it does not tell, also if it does not within `limit` milliseconds, with a
   * `ConnectionLostError`, or with what the unit was stopped by; {@link rollback} is then still to be called.
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

  /** Undoes the work and gives the connection back. Never rejects: what can't be rolled back is discarded. */
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

  /** Whether it is given back as it is: how one that is read only ends makes no difference, so nobody waits for it. */
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

  /** BEGIN where there are options, in the first flight alone, and the savepoints that are due. */
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

  /** Rejects with a `CommitUnknownError` where COMMIT went unanswered, unless the transaction had nothing to commit. */
  async #settled(answers: Promise<readonly Answer[]>): Promise<readonly Answer[]> {
    try {
      return await answers
    } catch (error) {
      const { commitLost, cut, stopped } = this.#flights
      if (commitLost === undefined || !this.#wrote) throw error
      const by = cut ?? stopped
      const why =
        by === undefined ? 'the connection was lost' : `it was not waited for any longer (${by.message})`
      throw this.#noteUnknown(`COMMIT was sent and its answer did not come, for ${why}`, by ?? commitLost)
    }
  }

  /** What COMMIT comes to if it has not committed for sure. */
  #noteCommit(answer: Answer): LeaseholdError | undefined {
    if (!(answer instanceof LeaseholdError)) {
      this.#noteEnd(answer)
      return undefined
    }
    if (!this.#wrote || tellsNotCommitted(answer)) return answer
    const number = answer instanceof StatementError ? `${answer.errno}, ${answer.sqlState}` : answer.name
    const why = `COMMIT was answered with an error that does not tell whether it was carried out (${number})`
    const unknown = this.#noteUnknown(why, answer)
    this.#flights.spend(unknown)
    return unknown
  }

  #noteUnknown(why: string, cause: Error): CommitUnknownError {
    this.#unknown = new CommitUnknownError(
      `${why}: the unit is in the database whole or not at all; look there before running it again, or give it an outcomeKey`,
      { cause },
    )
    return this.#unknown
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

  /** The answer by which the transaction was not begun as it was to be, or a savepoint not set. */
  #refusalOf(before: readonly Command[], answers: readonly Answer[]): LeaseholdError | undefined {
    const refused = answers.slice(0, before.length).find((answer) => answer instanceof LeaseholdError)
    // SET TRANSACTION may have come through without the transaction that it was meant for.
    if (refused !== undefined && before[0]?.type === 'begin') this.#flights.spend(refused)
    return refused
  }

  /** Throws the error for which a statement was not sent, if it is none of the statements': they would wait in vain. */
  #assertAnswered(own: readonly Answer[], answers: readonly Answer[]): void {
    const unsent = own.indexOf(undefined)
    if (unsent === -1 || own.slice(0, unsent).some((answer) => answer instanceof LeaseholdError)) return
    const reason = this.#flights.stopped ?? answers.find((answer) => answer instanceof LeaseholdError)
    throw (
      reason ?? new ConnectionLostError('a statement was not sent, and no answer tells why', { sent: true })
    )
  }

  #end(where: string): void {
    this.#flights.end(where, this.#over ? undefined : 'open')
  }
}
