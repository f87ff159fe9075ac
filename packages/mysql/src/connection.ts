/** One session: turns commands into flights and answers into results, and knows what its lessees left behind. */
import {
  type Answer,
  type Command,
  type Connection,
  type ServerFacts,
  type StatementCommand,
  UsageError,
} from '@leasehold/core'
import type { Reply, Rows } from './answers.ts'
import { controlSql, type ServerKind } from './control.ts'
import { hasLostPrepared, isServerError } from './errors.ts'
import { explainSql, isExplained } from './inspection.ts'
import { checking, inText, preparing, RESET, text, textOf, written } from './outgoing.ts'
import { closePacket, queryPacket } from './packets.ts'
import type { Outcome, Outgoing, Wire, Written } from './pipeline.ts'
import { isPreparable } from './preparable.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { LIMITS_SQL, modeSql, PROFILE_SQL, type SessionMode, STATUS } from './profile.ts'
import { charsetOf, type Condition, SessionState } from './session-state.ts'
import { failureOf, isUnpreparable, NOTHING, resultOf, unreadable } from './results.ts'
import { RowBatches } from './row-batches.ts'
import { exactRows, type ValueSettings } from './values.ts'

/** Milliseconds for what a connection does between leases. */
const ERRAND_TIMEOUT = 1_000

export interface ConnectionSettings {
  readonly values: ValueSettings
  /** Whether errors carry the values bound to a statement. */
  readonly exposeParameters: boolean
  /** How many statements a session keeps prepared. */
  readonly preparedStatements: number
}

/** Where a connection goes when its lease ends. */
export interface Home {
  takeBack(connection: MysqlConnection): void
  /** Ends the statement that a session runs. Resolves when the server has heard of it. */
  interrupt(id: number): Promise<void>
  discard(connection: MysqlConnection, reason: Error): void
}

export class MysqlConnection implements Connection {
  readonly pipelining: boolean
  readonly #wire: Wire
  readonly #settings: ConnectionSettings
  readonly #home: Home
  readonly #prepared: PreparedStatements
  readonly #state = new SessionState()
  #mode: SessionMode = 'units'
  #server: ServerKind = 'mysql'
  #idleSince = performance.now()
  #answeredAt = this.#idleSince

  constructor(wire: Wire, options: { pipelining: boolean; settings: ConnectionSettings; home: Home }) {
    this.#wire = wire
    this.pipelining = options.pipelining
    this.#settings = options.settings
    this.#home = options.home
    // Where commands travel alone, each that is prepared would cost a round trip.
    this.#prepared = new PreparedStatements(options.pipelining ? options.settings.preparedStatements : 0)
  }

  get id(): number {
    return this.#wire.id
  }

  get server(): ServerFacts {
    // RETURNING is as old as MariaDB 10.5.
    return { returning: this.#server === 'mariadb', maxAllowedPacket: this.#wire.maxAllowedPacket }
  }

  /** Whether the wire has broken, or was closed. */
  get lost(): boolean {
    return this.#wire.lost !== undefined
  }

  /** When its last lease ended; on the clock of `performance.now()`. */
  get idleSince(): number {
    return this.#idleSince
  }

  /** When the server last answered. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  get condition(): Condition {
    return this.#wire.lost === undefined ? this.#state.condition : 'spent'
  }

  /** Prepares a fresh session for its first lease. Rejects with what the server refused, or a `ConnectionLostError`. */
  async setUp(): Promise<void> {
    const [, limits] = await this.#prepare([text(PROFILE_SQL), text(LIMITS_SQL)])
    const { maxAllowedPacket, version } = limits?.rows?.[0] ?? {}
    this.#wire.maxAllowedPacket = Number(maxAllowedPacket)
    this.#server = /mariadb/i.test(String(version)) ? 'mariadb' : 'mysql'
  }

  /** Drops whatever a lessee left: variables, locks, temporary tables. Rejects as {@link setUp} does. */
  async reset(): Promise<void> {
    this.#prepared.clear()
    await this.#soon(this.#prepare([RESET, text(PROFILE_SQL)]))
    this.#state.clean()
    this.#mode = 'units'
  }

  async fly(commands: readonly Command[]): Promise<readonly Answer[]> {
    const mode = commands[0]?.type === 'read' ? 'reads' : 'units'
    if (mode !== this.#mode) await this.#turn(mode)
    const due = new Set<string>()
    const outgoing: Outgoing[] = []
    // A command may be several statements; here is where the answers to each end.
    const ends = commands.map((command) => outgoing.push(...this.#outgoingOf(command, due)))
    const outcomes = await (due.size === 0 ? this.#send(outgoing) : this.#sendBehind([...due], outgoing))
    for (const { id } of this.#prepared.takeEvicted()) this.#wire.tell(closePacket(id))
    return commands.map((command, index) => {
      const own = outcomes.slice(ends[index - 1] ?? 0, ends[index])
      return this.#answerTo(command, index, own)
    })
  }

  async *stream(
    command: StatementCommand,
    ahead: readonly Command[],
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    await this.#turn('units')
    this.#state.noteSent(command.statement, this.#server)
    const before = ahead.flatMap((each) => this.#outgoingOf(each, new Set()))
    const batches = new RowBatches(this.#wire)
    const onRows = (rows: Rows): void => batches.push(rows)
    const rows: Outgoing = () => ({ ...inText(textOf(command, this.#state.escaping)), onRows })
    const flown = this.#wire.fly([...before, rows])
    let landed = false
    const end = (): void => {
      landed = true
      batches.end()
    }
    flown.then(end, end)
    try {
      for (let batch = await batches.take(); batch !== undefined; batch = await batches.take()) {
        yield exactRows(batch.rows, batch, this.#settings.values, command.label)
      }
      const outcomes = await flown
      const refused = outcomes.slice(0, before.length).some((outcome) => outcome instanceof Error)
      // SET TRANSACTION may have come through without the transaction that it was meant for.
      if (refused) this.#state.spend()
      const answer = this.#answerTo(refused ? (ahead[0] ?? command) : command, 0, outcomes)
      if (answer instanceof Error) throw answer
    } finally {
      if (!landed) {
        batches.drop()
        // Rows that can't be stopped must not be taken for other answers.
        await this.#soon(this.#interrupt(flown)).catch((error: unknown) => this.#wire.destroy(error as Error))
      }
    }
  }

  /** Asks the server whether the session is still there. Rejects with a `ConnectionLostError` if not. */
  async validate(): Promise<void> {
    await this.#soon(this.#wire.fly([text('DO 1')]))
    this.#answeredAt = performance.now()
  }

  release(transaction?: 'open'): void {
    if (transaction === 'open') {
      this.#wire.tell(queryPacket('COMMIT'), stillOpen)
      this.#wire.flush()
    }
    this.#idleSince = performance.now()
    this.#answeredAt = this.#idleSince
    this.#home.takeBack(this)
  }

  discard(reason: Error): void {
    this.#home.discard(this, reason)
  }

  /** Closes in good order. */
  quit(): void {
    this.#wire.quit()
  }

  /** Closes at once. */
  destroy(reason: Error): void {
    this.#wire.destroy(reason)
  }

  /** What nobody waits for with a limit of their own must not keep the connection for ever. */
  async #soon<T>(errand: Promise<T>): Promise<T> {
    const late = new Error(`the server did not answer within ${ERRAND_TIMEOUT} ms`)
    const timer = setTimeout(() => this.#wire.destroy(late), ERRAND_TIMEOUT)
    try {
      return await errand
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the statement that is on its way. */
  async #interrupt(flown: Promise<unknown>): Promise<void> {
    await this.#home.interrupt(this.id)
    await flown
    // A KILL QUERY that came after the last row would meet the next statement.
    await this.#wire.fly([text('DO 0')])
  }

  async #prepare(outgoing: readonly Outgoing[]): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const outcome of await this.#send(outgoing)) {
      if (outcome === undefined || outcome instanceof Error) throw refused(outcome)
      replies.push(outcome)
      this.#state.noteStatus(outcome)
    }
    return replies
  }

  /** Sends in one flight behind statements that are to be prepared. */
  async #sendBehind(due: readonly string[], outgoing: readonly Outgoing[]): Promise<readonly Outcome[]> {
    const ahead = due.map((sql) => (): Written => preparing(sql))
    const outcomes = await this.#wire.fly([...ahead, ...outgoing])
    for (const [index, sql] of due.entries()) this.#keep(sql, outcomes[index])
    return outcomes.slice(due.length)
  }

  #send(outgoing: readonly Outgoing[]): Promise<readonly Outcome[]> {
    return this.pipelining ? this.#wire.fly(outgoing) : this.#sendSingly(outgoing)
  }

  /** Where commands can't travel together: a flight for each, up to the first that fails. */
  async #sendSingly(outgoing: readonly Outgoing[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = []
    for (const one of outgoing) {
      const [outcome] = await this.#wire.fly([one])
      outcomes.push(outcome)
      if (outcome instanceof Error) break
    }
    return outcomes
  }

  /** Turns the session to a mode: with the next flight, or at once where commands can't travel together. */
  async #turn(mode: SessionMode): Promise<void> {
    if (mode === this.#mode) return
    this.#mode = mode
    const sql = modeSql(mode, this.#server)
    if (this.pipelining) this.#wire.tell(queryPacket(sql), stillOpen)
    else await this.#prepare([text(sql)])
  }

  #outgoingOf(command: Command, due: Set<string>): readonly Outgoing[] {
    if (command.type === 'begin' && command.options.statementTimeout !== undefined) this.#state.soil()
    if (command.type === 'prepare') return [() => checking(command.statement)]
    if (command.type === 'explain') {
      if (!isExplained(command.statement)) return []
      this.#state.noteSent(command.statement, this.#server)
      return [() => inText(explainSql(textOf(command, this.#state.escaping), this.#server))]
    }
    if (!('statement' in command)) return controlSql(command, this.#server).map(text)
    this.#state.noteSent(command.statement, this.#server)
    const { kind, sql, compiled } = command.statement
    const prepared = kind === 'unknown' ? undefined : this.#prepared.use(sql)
    if (prepared === 'due') {
      if (isPreparable(compiled.query)) due.add(sql)
      else this.#prepared.keep(sql, undefined)
    }
    return [() => written(command, prepared === 'due' ? undefined : prepared, this.#state.escaping)]
  }

  #keep(sql: string, outcome: Outcome): void {
    if (outcome === undefined) return
    this.#prepared.keep(sql, outcome instanceof Error ? undefined : outcome.prepared)
  }

  #answerTo(command: Command, index: number, outcomes: readonly Outcome[]): Answer {
    if (command.type === 'explain' && !isExplained(command.statement)) return NOTHING
    const outcome = outcomes.find((one) => one instanceof Error) ?? outcomes.at(-1)
    if (outcome === undefined) return undefined
    if (command.type === 'prepare' && isUnpreparable(outcome)) return NOTHING
    if (outcome instanceof Error) {
      if (!isServerError(outcome)) return unreadable(outcome, command)
      if (hasLostPrepared(outcome)) this.#state.spend()
      return failureOf(command, index, outcome, this.#settings)
    }
    if (outcome.prepared !== undefined) {
      this.#wire.tell(closePacket(outcome.prepared.id))
      return NOTHING
    }
    this.#state.noteStatus(outcome)
    if ('statement' in command) this.#noteChanges(outcome)
    try {
      return resultOf(command, outcome, this.#settings.values)
    } catch (error) {
      return unreadable(error, command)
    }
  }

  /** Values can be escaped for utf8mb4 only. */
  #noteChanges(reply: Reply): void {
    this.#state.noteChanges(reply)
    const charset = charsetOf(reply) ?? 'utf8mb4'
    if (charset === 'utf8mb4') return
    this.#wire.destroy(
      new UsageError(
        `a statement set character_set_client to ${charset}, and values can be escaped for utf8mb4 only`,
      ),
    )
  }
}

/** What is wrong with a session between two units. */
function stillOpen({ status = 0 }: Reply): Error | undefined {
  if ((status & STATUS.IN_TRANS) === 0) return undefined
  return new Error('the server reports an open transaction where none can be')
}

function refused(outcome: Error | undefined): Error {
  if (outcome === undefined || !isServerError(outcome))
    return outcome ?? new Error('the session could not be set up')
  return new Error(`the server refused to set up the session: ${outcome.sqlMessage} (${outcome.errno})`)
}
