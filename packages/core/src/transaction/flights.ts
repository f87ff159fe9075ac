/** The flights of one lease: sent, counted and traced, until the lease ends with what they tell of the connection. */
import type { Answer, Command, Session, StatementCommand } from '../driver.ts'
import {
  ConnectionLostError,
  LeaseholdError,
  StatementError,
  type StatementErrorKind,
  UsageError,
} from '../errors/errors.ts'
import { traceFlight, type UnitEvent } from '../events.ts'
import type { Lease } from './lease.ts'
import type { StatementResult } from '../statement/statement-result.ts'

/** What is sent for a unit that was stopped: to end its transaction, and to learn whether that is its own. */
const ENDING: ReadonlySet<Command['type']> = new Set(['release', 'rollback'])

/** Kinds of error with which the server rolls the whole transaction back. */
const FATAL: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock'])

/** Whether the server has rolled the whole transaction back with this answer. */
export function hasEnded(answer: unknown): answer is StatementError {
  return answer instanceof StatementError && FATAL.has(answer.kind)
}

export class Flights {
  readonly #lease: Lease
  readonly #event: UnitEvent
  /** What is on its way. */
  #commands: readonly Command[] = []
  /** The last flight. */
  #landing: Promise<unknown> = Promise.resolve()
  /** Why the unit was stopped, if it was. */
  #stopped: Error | undefined
  /** Why nobody must use the connection again. */
  #spent: Error | undefined
  /** Why the connection was given up before the end. */
  #cut: Error | undefined
  /** The loss of the connection with COMMIT on its way. */
  #commitLost: ConnectionLostError | undefined
  /** The first answer with which the server has ended the transaction. */
  #ended: StatementError | undefined

  /** Takes over the lease, which ends with {@link end}. */
  constructor(lease: Lease, event: UnitEvent) {
    this.#lease = lease
    this.#event = event
  }

  get session(): Session {
    return this.#lease.session
  }

  /** Round trips made so far. */
  get count(): number {
    return this.#event.flights
  }

  /** Whether the connection can still be used. */
  get isOpen(): boolean {
    return this.#spent === undefined && this.#cut === undefined
  }

  /** Why the unit was stopped, if it was: no more of its work is sent. */
  get stopped(): Error | undefined {
    return this.#stopped
  }

  /** Whether COMMIT is on its way. */
  get committing(): boolean {
    return this.#commands.at(-1)?.type === 'commit'
  }

  /** The error with which the server has rolled the whole transaction back, whichever came before it. */
  get ended(): StatementError | undefined {
    return this.#ended
  }

  /** Why the connection was given up before the end, if it was. */
  get cut(): Error | undefined {
    return this.#cut
  }

  /** The loss of the connection with COMMIT on its way, which may have been carried out. */
  get commitLost(): ConnectionLostError | undefined {
    return this.#commitLost
  }

  /** What is going on, for messages. */
  get activity(): string {
    const names = this.#commands.map((command) =>
      'statement' in command ? (command.label ?? command.statement.sql) : command.type.toUpperCase(),
    )
    return names.length === 0
      ? 'no statement was under way'
      : `${[...new Set(names)].join(', ')} was under way`
  }

  /**
   * One flight; where commands can't travel together, one for each, up to the first that fails or until the unit is
   * stopped. Rejects with a `ConnectionLostError` when nothing is known of the answers, or with what the unit was stopped
   * by. A COMMIT at its end is answered within `commitLimit` milliseconds of the answers before, or the connection is given
   * up.
   */
  fly(commands: readonly Command[], commitLimit?: number): Promise<readonly Answer[]> {
    if (this.#stopped !== undefined && !commands.every(({ type }) => ENDING.has(type))) {
      return Promise.reject(this.#stopped)
    }
    return this.session.pipelining ? this.#fly(commands, commitLimit) : this.#flySingly(commands, commitLimit)
  }

  async #flySingly(
    commands: readonly Command[],
    commitLimit: number | undefined,
  ): Promise<readonly Answer[]> {
    const answers: Answer[] = []
    for (const command of commands) {
      const [answer] = await (command.type === 'commit' && commitLimit !== undefined
        ? this.flyWithin(commitLimit, command)
        : this.#fly([command]))
      answers.push(answer)
      if (answer instanceof LeaseholdError || this.#stopped !== undefined) break
    }
    while (answers.length < commands.length) answers.push(undefined)
    return answers
  }

  /** One command whose answer is waited for `limit` milliseconds at most; then the connection is given up. */
  async flyWithin(limit: number, command: Command): Promise<readonly Answer[]> {
    const timer = this.#limit(limit, command.type)
    try {
      return await this.fly([command])
    } finally {
      clearTimeout(timer)
    }
  }

  /** The rows of one statement; see {@link Connection.stream}. Where commands can't travel together, those `ahead` go first. */
  async *stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    if (this.#stopped !== undefined) throw this.#stopped
    const together = this.session.pipelining ? ahead : []
    if (together.length < ahead.length) await this.#prepare(ahead)
    const over = Promise.withResolvers<void>()
    this.#begin([...together, command])
    traceFlight(this.#event.unit, this.#event.flights, this.#commands, () => over.promise).catch(() => {})
    try {
      for await (const rows of this.#lease.stream(command, together, onEnd)) {
        this.#commands = [command]
        yield rows
      }
    } catch (error) {
      if (error instanceof ConnectionLostError) this.#spent = error
      this.#noteEnded(error)
      over.reject(error)
      throw this.#stopped ?? error
    } finally {
      this.#commands = []
      over.resolve()
    }
  }

  /** Has the connection given up at the end, because of what its session has become. */
  spend(reason: Error): void {
    this.#spent = reason
  }

  /** Has no more of the unit's work sent, and the server stop what is on its way, but for COMMIT by itself. */
  stop(reason: Error): void {
    this.#stopped ??= reason
    if (this.#commands.length > 1 || !this.committing) this.interrupt()
  }

  /** See {@link Connection.interrupt}. */
  interrupt(): void {
    this.#lease.interrupt()
  }

  /** Resolves when the flight on its way has ended: one of a unit inside of a sandbox may be, when that one ends. */
  async landed(): Promise<void> {
    await this.#landing.catch(() => {})
  }

  /** Gives the connection back, or up; see {@link Lease.release}. */
  end(where: string, transaction?: 'open'): void {
    if (this.#cut !== undefined) return
    if (this.#spent === undefined) this.#lease.release(where, transaction)
    else this.#lease.discard(this.#spent)
  }

  /** Sends what goes ahead of a stream. Throws an answer that is an error, for which the connection is given up. */
  async #prepare(ahead: readonly Command[]): Promise<void> {
    const refused = (await this.fly(ahead)).find((answer) => answer instanceof LeaseholdError)
    if (refused === undefined) return
    this.spend(refused)
    throw refused
  }

  async #fly(commands: readonly Command[], commitLimit?: number): Promise<readonly Answer[]> {
    this.#begin(commands)
    let timer: NodeJS.Timeout | undefined
    const onLast =
      commitLimit === undefined
        ? undefined
        : (): void => {
            this.#commands = commands.slice(-1)
            timer = this.#limit(commitLimit, 'commit')
          }
    const { unit, flights } = this.#event
    const landing = traceFlight(unit, flights, commands, () => this.#lease.fly(commands, onLast))
    this.#landing = landing
    try {
      const answers = await landing
      for (const answer of answers) this.#noteEnded(answer)
      return answers
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error
      this.#spent = error
      if (error.sent && this.committing) this.#commitLost = error
      throw this.#stopped ?? (error.cause instanceof UsageError ? error.cause : error)
    } finally {
      this.#commands = []
      clearTimeout(timer)
    }
  }

  #noteEnded(answer: unknown): void {
    if (hasEnded(answer)) this.#ended ??= answer
  }

  #begin(commands: readonly Command[]): void {
    this.#event.flights += 1
    this.#commands = commands
  }

  /** Gives the connection up if the answer to such a command does not come within `limit` milliseconds. */
  #limit(limit: number, type: Command['type']): NodeJS.Timeout {
    return setTimeout(() => {
      const late = `the answer to ${type.toUpperCase()} did not come within ${limit} ms`
      this.#cut = new ConnectionLostError(`${late}, and the connection was given up`, { sent: true })
      this.#lease.discard(this.#cut)
    }, limit)
  }
}
