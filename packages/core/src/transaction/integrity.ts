/**
 * Checks that a transaction is still the one that its statements belong to. A statement can end it (an implicit commit), and
 * the server can roll it back without an error. A missing savepoint proves either, and so does an answer outside a transaction.
 */
import type { Answer, Command, StatementCommand } from '../driver.ts'
import { ImplicitCommitError, LeaseholdError, StatementError } from '../errors/errors.ts'
import { hasEnded } from './flights.ts'

/** A statement that may have ended the transaction, and the savepoint that shows whether it has. */
export interface Doubt {
  readonly command: StatementCommand
  readonly savepoint: string
}

export interface Guard extends Doubt {
  /** The index of SAVEPOINT in its flight. The statement follows, and then RELEASE. */
  readonly place: number
}

/** Tries for a RELEASE or ROLLBACK TO that a KILL QUERY interrupts. */
export const TRIES = 3

export class Integrity {
  readonly #fly: (commands: readonly Command[]) => Promise<readonly Answer[]>
  #savepoints = 0
  /** Streams that were left early. Their KILL QUERY can hide a deadlock that came before it. */
  #left: Doubt[] = []
  /** A statement that may have committed, without an answer that proves the contrary. */
  #doubted: StatementCommand | undefined
  #broken: ImplicitCommitError | undefined
  /** Whether an answer has reported an open transaction. */
  #seenOpen = false

  /** `fly` sends the commands that check. */
  constructor(fly: (commands: readonly Command[]) => Promise<readonly Answer[]>) {
    this.#fly = fly
  }

  /** Set if a statement has ended the transaction: part of the work may be committed. */
  get broken(): ImplicitCommitError | undefined {
    return this.#broken
  }

  /** Whether a statement may have committed, as a procedure can, without an answer that proves the contrary. */
  get mayHaveCommitted(): boolean {
    return this.#doubted !== undefined
  }

  /** The error that replaces `cause` if a statement may have committed, which `cause` would deny. */
  doubtBehind(cause: Error): ImplicitCommitError | undefined {
    if (this.#doubted === undefined) return undefined
    const { label, statement } = this.#doubted
    return new ImplicitCommitError(label, statement.sql, { cause, certain: false })
  }

  newSavepoint(): string {
    this.#savepoints += 1
    return `leasehold_${this.#savepoints}`
  }

  /**
   * Adds a statement to the commands, and returns its index. A statement that may commit is put between a savepoint and its
   * release. The server refuses the release if the transaction has changed; the statement's own answer does not show it.
   */
  place(command: StatementCommand, commands: Command[], guards: Guard[]): number {
    if (!isRun(command) || !command.statement.mayCommit) return commands.push(command) - 1
    const savepoint = this.newSavepoint()
    const place = commands.push({ type: 'savepoint', name: savepoint }) - 1
    commands.push(command, { type: 'release', name: savepoint })
    guards.push({ command, savepoint, place })
    return place + 1
  }

  /** Counts these statements as possible commits until the returned function has checked their answers. */
  doubt(guards: readonly Guard[]): (answers: readonly Answer[]) => Promise<void> {
    const before = this.#doubted
    this.#doubted ??= guards[0]?.command
    return async (answers) => {
      let intact = true
      for (const guard of guards) intact = (await this.#isIntact(guard, answers)) && intact
      if (intact) this.#doubted = before
    }
  }

  /** Notes a stream that was left early, with its savepoint. */
  leave(doubt: Doubt): void {
    this.#left.push(doubt)
  }

  /** Whether a stream that was left early is unconfirmed. */
  get hasLeft(): boolean {
    return this.#left.length > 0
  }

  /** Takes the streams that were left early; the caller confirms them. */
  takeLeft(): readonly Doubt[] {
    const left = this.#left
    this.#left = []
    return left
  }

  /** Rejects with an `ImplicitCommitError` if a stream that was left early has ended the transaction. */
  async confirm(): Promise<void> {
    const left = this.takeLeft()
    if (left.length > 0) await this.assertKept(left, await this.#fly(releases(left)))
  }

  /** Rejects if one of their savepoints is missing. The first answers are those to the releases. */
  async assertKept(left: readonly Doubt[], answers: readonly Answer[]): Promise<void> {
    for (const [index, { command, savepoint }] of left.entries()) {
      const told = await this.#released(savepoint, answers[index])
      if (!(told instanceof LeaseholdError)) continue
      throw isGone(told) ? this.#noteBroken(command, undefined) : told
    }
  }

  /**
   * Throws an `ImplicitCommitError` for a statement that succeeded and left no transaction open. MariaDB hides a deadlock that
   * a function meets within DO. Behind an open deadlock, statements of the flight run outside of the transaction.
   */
  assertOpen(statements: readonly StatementCommand[], answers: readonly Answer[]): void {
    for (const [index, command] of statements.entries()) {
      const answer = answers[index]
      if (hasEnded(answer)) return
      if (answer === undefined || answer instanceof LeaseholdError || !isRun(command)) continue
      if (answer.inTransaction) this.#seenOpen = true
      else if (this.#seenOpen) throw this.#noteBroken(command, undefined)
    }
  }

  /**
   * Whether the transaction is still the one in which the statement ran. Rejects with an `ImplicitCommitError` if it is not, or
   * if no answer shows it, unless a failure of the statement explains that.
   */
  async #isIntact({ command, savepoint, place }: Guard, answers: readonly Answer[]): Promise<boolean> {
    const [set, answer, released] = answers.slice(place, place + 3)
    if (set === undefined || (set instanceof LeaseholdError && answer === undefined)) return true
    if (set instanceof LeaseholdError) throw hasEnded(set) ? set : this.#noteBroken(command, set)
    const told = await this.#released(savepoint, released)
    if (!(told instanceof LeaseholdError)) return true
    const gone = isGone(told)
    if (hasEnded(answer) || (!gone && answer instanceof LeaseholdError)) return false
    throw gone ? this.#noteBroken(command, answer) : told
  }

  /** The answer to the release of a savepoint. Sends it again if a failure kept it from being sent, or it was interrupted. */
  async #released(name: string, first: Answer): Promise<Answer> {
    let answer = first
    for (let tries = 0; tries < TRIES && (answer === undefined || isKilled(answer)); tries += 1) {
      ;[answer] = await this.#fly([{ type: 'release', name }])
    }
    return answer
  }

  #noteBroken({ statement, label }: StatementCommand, cause: Answer): ImplicitCommitError {
    const options = cause instanceof LeaseholdError ? { cause } : {}
    this.#broken ??= new ImplicitCommitError(label, statement.sql, options)
    return this.#broken
  }
}

/** The commands that release their savepoints. */
export function releases(left: readonly Doubt[]): Command[] {
  return left.map(({ savepoint }) => ({ type: 'release', name: savepoint }))
}

/** Whether the server executes the statement. */
export function isRun({ type }: StatementCommand): boolean {
  return type === 'statement'
}

/** Whether a KILL QUERY interrupted the command. */
export function isKilled(answer: Answer): boolean {
  return answer instanceof StatementError && answer.kind === 'killed'
}

/** Whether the savepoint does not exist. */
function isGone(answer: LeaseholdError): boolean {
  return answer instanceof StatementError && answer.kind === 'unknown-name'
}
