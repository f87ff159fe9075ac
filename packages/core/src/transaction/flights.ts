/** The flights of one lease: sent, counted and traced. Their answers decide how the lease ends. */
import type { Answer, Command, Session, StatementCommand } from '../driver.ts'
import {
  ConnectionLostError,
  LeaseholdError,
  StatementError,
  type StatementErrorKind,
  UsageError,
} from '../errors/errors.ts'
import { traceFlight, type UnitEvent } from '../events.ts'
import type { LeaseHandle } from './lease.ts'
import type { StatementResult } from '../statement/statement-result.ts'

/** Commands that a stopped unit still sends: they end its transaction, and check that it is still its own. */
const ENDING: ReadonlySet<Command['type']> = new Set(['release', 'rollback'])

/** Kinds of error with which the server rolls back the whole transaction. */
const FATAL: ReadonlySet<StatementErrorKind> = new Set(['conflict', 'deadlock'])

/** Whether the server rolled back the whole transaction with this answer. */
export function hasEnded(answer: unknown): answer is StatementError {
  return answer instanceof StatementError && FATAL.has(answer.kind)
}

export class Flights {
  readonly #lease: LeaseHandle
  readonly #event: UnitEvent
  /** The commands on their way. */
  #commands: readonly Command[] = []
  /** The last flight. */
  #landing: Promise<unknown> = Promise.resolve()
  /** Why the unit was stopped, if it was. */
  #stopped: Error | undefined
  /** The reason why the connection must not be used again. */
  #spent: Error | undefined
  /** The reason why the connection was given up before the end of the transaction. */
  #cut: Error | undefined
  /** The loss of the connection during COMMIT. */
  #commitLost: ConnectionLostError | undefined
  /** The first answer with which the server ended the transaction. */
  #ended: StatementError | undefined

  /** Owns the lease until {@link end}. */
  constructor(lease: LeaseHandle, event: UnitEvent) {
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

  /** Why the unit was stopped, if it was. No more of its work is sent. */
  get stopped(): Error | undefined {
    return this.#stopped
  }

  /** Whether COMMIT is on its way. */
  get committing(): boolean {
    return this.#commands.at(-1)?.type === 'commit'
  }

  /** The error with which the server rolled back the whole transaction, even if another error came first. */
  get ended(): StatementError | undefined {
    return this.#ended
  }

  /** Why the connection was given up before the end of the transaction, if it was. */
  get cut(): Error | undefined {
    return this.#cut
  }

  /** The loss of the connection during COMMIT, which the server may have executed. */
  get commitLost(): ConnectionLostError | undefined {
    return this.#commitLost
  }

  /** The current activity, for messages. */
  get activity(): string {
    const names = this.#commands.map((command) =>
      'statement' in command ? (command.label ?? command.statement.sql) : command.type.toUpperCase(),
    )
    return names.length === 0
      ? 'no statement was under way'
      : `${[...new Set(names)].join(', ')} was under way`
  }

  /**
   * Sends the commands in one flight. Where commands cannot travel together, sends each in its own, up to the first that fails
   * or until the unit is stopped. Rejects with a `ConnectionLostError` if answers are missing, or with the reason for which the
   * unit was stopped. A COMMIT at the end must be answered within `commitLimit` milliseconds of the other answers; else the
   * connection is given up.
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

  /** Sends one command. Its answer must arrive within `limit` milliseconds; else the connection is given up. */
  async flyWithin(limit: number, command: Command): Promise<readonly Answer[]> {
    const timer = this.#limit(limit, command.type)
    try {
      return await this.fly([command])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The rows of one statement; see {@link Connection.stream}. Where commands cannot travel together, those `ahead` go first.
   */
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

  /** Marks the connection to be closed at the end of the lease. */
  spend(reason: Error): void {
    this.#spent = reason
  }

  /** Sends no more of the unit's work, and interrupts the flight on its way, unless it is a lone COMMIT. */
  stop(reason: Error): void {
    this.#stopped ??= reason
    if (this.#commands.length > 1 || !this.committing) this.interrupt()
  }

  /** See {@link Connection.interrupt}. */
  interrupt(): void {
    this.#lease.interrupt()
  }

  /** Resolves when the flight on its way has ended. A sandbox can end during a flight of one of its units. */
  async landed(): Promise<void> {
    await this.#landing.catch(() => {})
  }

  /** Releases the connection, or discards it; see {@link Lease.release}. */
  end(where: string, transaction?: 'open'): void {
    if (this.#cut !== undefined) return
    if (this.#spent === undefined) this.#lease.release(where, transaction)
    else this.#lease.discard(this.#spent)
  }

  /** Sends the commands ahead of a stream. Throws the first error among the answers; the connection is then closed. */
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

  /** Gives the connection up if the answer does not arrive within `limit` milliseconds. */
  #limit(limit: number, type: Command['type']): NodeJS.Timeout {
    return setTimeout(() => {
      const late = `the answer to ${type.toUpperCase()} did not come within ${limit} ms`
      this.#cut = new ConnectionLostError(`${late}, and the connection was given up`, { sent: true })
      this.#lease.discard(this.#cut)
    }, limit)
  }
}
