/** One transaction on one lease. Nothing else begins, commits or rolls back. */
import type { Answer, Command, TransactionOptions } from './driver.ts'
import { CommitUnknownError, ConnectionLostError, ImplicitCommitError, LeaseholdError } from './errors.ts'
import { traceFlight, type UnitEvent } from './events.ts'
import type { Lease } from './lease.ts'
import type { Statement } from './statement.ts'

/** A statement to send, and the name it goes by. */
export interface Sendable {
  readonly statement: Statement
  readonly label: string | undefined
}

export class Transaction {
  readonly #lease: Lease
  readonly #event: UnitEvent
  /** Taken by the first BEGIN. */
  #options: TransactionOptions
  readonly #readOnly: boolean
  /** The server's last word on whether a transaction is open. */
  #open = false
  #wrote = false
  #committed = false
  /** Why nobody must use the connection again. */
  #spent: Error | undefined

  /** Takes over the lease, which ends with {@link commit} or {@link rollback}. */
  constructor(lease: Lease, options: TransactionOptions, event: UnitEvent) {
    this.#lease = lease
    this.#options = options
    this.#readOnly = options.accessMode === 'read only'
    this.#event = event
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
    const commands = statements.map(({ statement, label }): Command => ({
      type: 'statement',
      statement,
      label,
    }))
    const begin = this.#takeBegin(statements)
    if (begin !== undefined) commands.unshift(begin)
    this.#wrote ||= !this.#readOnly && statements.some(({ statement }) => statement.mayWrite)
    // A BEGIN that is refused doesn't keep the write behind it from being carried out.
    const commits = andCommit && !(begin !== undefined && this.#wrote)
    if (commits) commands.push({ type: 'commit' })

    const answers = await this.#fly(commands)
    const refused = begin === undefined ? undefined : answers[0]
    if (refused instanceof LeaseholdError) {
      // SET TRANSACTION may have come through without the transaction that it was meant for.
      this.#spent = refused
      throw refused
    }
    if (commits) this.#committed = this.#isOver(answers.at(-1))
    const own = answers.slice(begin === undefined ? 0 : 1, commits ? -1 : undefined)
    this.#assertUnbroken(statements, own)
    return own
  }

  /**
   * Makes the work durable and gives the connection back. Rejects with a `StatementError` if the server refuses, a
   * `ConnectionLostError` or a `CommitUnknownError`; {@link rollback} is then still to be called.
   */
  async commit(): Promise<void> {
    if (!this.#committed) {
      const [answer] = await this.#fly([{ type: 'commit' }])
      if (answer instanceof LeaseholdError) throw answer
      this.#committed = this.#isOver(answer)
    }
    this.#end('after COMMIT')
  }

  /** Undoes the work and gives the connection back. Never rejects: what can't be rolled back is discarded. */
  async rollback(): Promise<void> {
    if (this.#spent === undefined && !this.#committed) {
      try {
        const [answer] = await this.#fly([{ type: 'rollback' }])
        if (answer instanceof LeaseholdError) this.#spent = answer
        else this.#isOver(answer)
      } catch (error) {
        this.#spent = error as Error
      }
    }
    this.#end('after ROLLBACK')
  }

  /** Options need a BEGIN. So does a statement that may commit by itself: without one, nobody would notice. */
  #takeBegin(statements: readonly Sendable[]): Command | undefined {
    const options = this.#options
    this.#options = {}
    const uncertain = !this.#open && statements.some(({ statement }) => statement.kind === 'unknown')
    return uncertain || Object.keys(options).length > 0 ? { type: 'begin', options } : undefined
  }

  /** One flight; where commands can't travel together, one for each, up to the first that fails. */
  async #fly(commands: readonly Command[]): Promise<readonly Answer[]> {
    if (this.#lease.pipelining) return this.#flight(commands)
    const answers: Answer[] = []
    for (const command of commands) {
      const [answer] = await this.#flight([command])
      answers.push(answer)
      if (answer instanceof LeaseholdError) break
    }
    while (answers.length < commands.length) answers.push(undefined)
    return answers
  }

  async #flight(commands: readonly Command[]): Promise<readonly Answer[]> {
    this.#event.flights += 1
    try {
      return await traceFlight(this.#event.unit, this.#event.flights, commands, () =>
        this.#lease.fly(commands),
      )
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error
      this.#spent = error
      if (!error.sent || !this.#wrote || commands.at(-1)?.type !== 'commit') throw error
      throw new CommitUnknownError(
        'the connection was lost after COMMIT had been sent and before its answer came: the unit is in the database ' +
          'whole or not at all; look there before running it again',
        { cause: error },
      )
    }
  }

  /** Whether COMMIT or ROLLBACK did what it says; the session is spent if the server still reports a transaction. */
  #isOver(answer: Answer): boolean {
    if (answer === undefined || answer instanceof LeaseholdError) return false
    if (answer.inTransaction) {
      this.#spent = new Error('the server reports an open transaction after its end; is completion_type set?')
    }
    return true
  }

  #assertUnbroken(statements: readonly Sendable[], answers: readonly Answer[]): void {
    for (const [index, { statement, label }] of statements.entries()) {
      const answer = answers[index]
      if (answer === undefined || answer instanceof LeaseholdError) return
      if (statement.kind === 'unknown' && !answer.inTransaction)
        throw new ImplicitCommitError(label, statement.sql)
      this.#open = answer.inTransaction
    }
  }

  #end(where: string): void {
    if (this.#spent === undefined) this.#lease.release(where)
    else this.#lease.discard(this.#spent)
  }
}
