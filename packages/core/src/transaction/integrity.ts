/**
 * Whether a transaction is still the one that its statements belong to. A statement may have ended it by itself, and a server
 * may have undone it without a word: a savepoint that is gone tells both, and so does an answer behind which none is open.
 */
import type { Answer, Command, StatementCommand } from '../driver.ts'
import { ImplicitCommitError, LeaseholdError, StatementError } from '../errors/errors.ts'
import { hasEnded } from './flights.ts'

/** A statement behind which the transaction may be another, and the savepoint by which that is found out. */
export interface Doubt {
  readonly command: StatementCommand
  readonly savepoint: string
}

export interface Guard extends Doubt {
  /** The place of SAVEPOINT in its flight; the statement is next, and RELEASE behind it. */
  readonly place: number
}

/** How often a savepoint is released, or rolled back to, at most, where KILL QUERY meets that. */
export const TRIES = 3

export class Integrity {
  readonly #fly: (commands: readonly Command[]) => Promise<readonly Answer[]>
  #savepoints = 0
  /** Streams that were left before their ends: with a KILL QUERY, a server does not tell of a deadlock that came before. */
  #left: Doubt[] = []
  /** A statement that may have committed by itself, and of which nothing has told that it had not. */
  #doubted: StatementCommand | undefined
  #broken: ImplicitCommitError | undefined
  /** Whether an answer has told of an open transaction. */
  #seenOpen = false

  /** `fly` sends what is needed to find out. */
  constructor(fly: (commands: readonly Command[]) => Promise<readonly Answer[]>) {
    this.#fly = fly
  }

  /** Set where a statement has ended the transaction by itself: then part of it may be in the database, whatever failed. */
  get broken(): ImplicitCommitError | undefined {
    return this.#broken
  }

  /** Whether a statement was sent that may have committed by itself, as a procedure can, and nothing told that it had not. */
  get mayHaveCommitted(): boolean {
    return this.#doubted !== undefined
  }

  /** What a unit fails with in place of `cause`, which does not tell of such a statement; nothing if there was none. */
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
   * Adds a statement to the commands, and gives its place. One that may commit is put between a savepoint and its release,
   * which the server refuses if the transaction is not the same any more; no answer to the statement itself tells that.
   */
  place(command: StatementCommand, commands: Command[], guards: Guard[]): number {
    if (!isRun(command) || !command.statement.mayCommit) return commands.push(command) - 1
    const savepoint = this.newSavepoint()
    const place = commands.push({ type: 'savepoint', name: savepoint }) - 1
    commands.push(command, { type: 'release', name: savepoint })
    guards.push({ command, savepoint, place })
    return place + 1
  }

  /** One of these statements is doubted from now on, until the function that it gives has found by their answers that none is to be. */
  doubt(guards: readonly Guard[]): (answers: readonly Answer[]) => Promise<void> {
    const before = this.#doubted
    this.#doubted ??= guards[0]?.command
    return async (answers) => {
      let intact = true
      for (const guard of guards) intact = (await this.#isIntact(guard, answers)) && intact
      if (intact) this.#doubted = before
    }
  }

  /** Notes a stream that was left, behind its savepoint. */
  leave(doubt: Doubt): void {
    this.#left.push(doubt)
  }

  /** Whether a stream was left whose end has not been confirmed. */
  get hasLeft(): boolean {
    return this.#left.length > 0
  }

  /** The streams that were left, which whoever takes them has confirmed. */
  takeLeft(): readonly Doubt[] {
    const left = this.#left
    this.#left = []
    return left
  }

  /** Rejects with an `ImplicitCommitError` if the transaction is not the same any more behind a stream that was left. */
  async confirm(): Promise<void> {
    const left = this.takeLeft()
    if (left.length > 0) await this.assertKept(left, await this.#fly(releases(left)))
  }

  /** Rejects if the savepoint of one of them is gone; what released them are the first of the answers. */
  async assertKept(left: readonly Doubt[], answers: readonly Answer[]): Promise<void> {
    for (const [index, { command, savepoint }] of left.entries()) {
      const told = await this.#released(savepoint, answers[index])
      if (!(told instanceof LeaseholdError)) continue
      throw isGone(told) ? this.#noteBroken(command, undefined) : told
    }
  }

  /**
   * Throws an `ImplicitCommitError` for a statement behind which no transaction is open any more, though it succeeded:
   * MariaDB hides a deadlock that a function has met in a DO.
   */
  assertOpen(statements: readonly StatementCommand[], answers: readonly Answer[]): void {
    for (const [index, command] of statements.entries()) {
      const answer = answers[index]
      if (answer === undefined || answer instanceof LeaseholdError || !isRun(command)) continue
      if (answer.inTransaction) this.#seenOpen = true
      else if (this.#seenOpen) throw this.#noteBroken(command, undefined)
    }
  }

  /**
   * Whether the transaction is still the one that a statement ran in. Rejects with an `ImplicitCommitError` if it is not,
   * or if nothing tells, without a failure of the statement that may be the reason.
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

  /** The answer to the release of a savepoint: again if it was not sent, for a failure, or was itself interrupted. */
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

/** What releases their savepoints. */
export function releases(left: readonly Doubt[]): Command[] {
  return left.map(({ savepoint }) => ({ type: 'release', name: savepoint }))
}

/** Whether a statement is run, and not only looked at. */
export function isRun({ type }: StatementCommand): boolean {
  return type === 'statement'
}

/** Whether KILL QUERY has met the command. */
export function isKilled(answer: Answer): boolean {
  return answer instanceof StatementError && answer.kind === 'killed'
}

/** Whether the answer says that there is no such savepoint. */
function isGone(answer: LeaseholdError): boolean {
  return answer instanceof StatementError && answer.kind === 'unknown-name'
}
