/** One session: turns commands into flights and answers into results, and tracks what its lessees leave behind. */
import {
  type Answer,
  type Command,
  type Connection,
  ConnectionLostError,
  type ServerFacts,
  type StatementCommand,
  StatementError,
  type StatementResult,
} from '@leasehold/core'
import { hasLostPrepared, isServerError } from '../errors.ts'
import type { NativeConnection } from '../protocol/mysql2-commands.ts'
import { closePacket, preparePacket, queryPacket } from '../protocol/packets.ts'
import { SilenceError } from '../protocol/patience.ts'
import type { Reply, Rows } from '../protocol/reply-readers.ts'
import type { Check, CommandEncoder, Outcome, Wire } from '../protocol/wire.ts'
import { decodeRows, type ValueSettings } from '../values/decode-rows.ts'
import { failureOf, isOwn, isUnpreparable, NOTHING, resultOf, unreadable } from './decode-reply.ts'
import { checking, inText, text, textOf, written } from './encode-command.ts'
import { explainSql, isExplained } from './explain.ts'
import { Interruption } from './interruption.ts'
import { lendNative } from './native-connection.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { RowBatches } from './row-batches.ts'
import type { SessionIdentity } from './session-identity.ts'
import { type SessionFacts, SessionPreparation } from './session-preparation.ts'
import { modeSql, SESSION_SETUP_SQL, type SessionMode, STATUS } from './session-sql.ts'
import { type Condition, foreignCharset, SessionState } from './session-state.ts'
import { controlSql, noTimeLimitSql } from './transaction-sql.ts'

export interface ConnectionSettings {
  readonly values: ValueSettings
  /** Whether errors carry the values bound to a statement. */
  readonly exposeParameters: boolean
  /** Maximum number of prepared statements of a session. */
  readonly preparedStatements: number
}

/** The owner of a connection, which receives it at the end of its lease. */
export interface ConnectionOwner {
  release(connection: MysqlConnection): void
  discard(connection: MysqlConnection, reason: Error): void
}

export class MysqlConnection implements Connection<NativeConnection> {
  readonly pipelining: boolean
  readonly #wire: Wire
  readonly #settings: ConnectionSettings
  readonly #owner: ConnectionOwner
  /** Whether a pipelining connection may replace this one. */
  readonly #isSuperseded: () => boolean
  readonly #prepared: PreparedStatements
  readonly #state = new SessionState()
  readonly #preparation: SessionPreparation
  readonly #interruption: Interruption
  #mode: SessionMode = 'units'
  /** Whether a unit has set a time limit for statements, which is the session's. */
  #timeLimited = false
  #facts: SessionFacts = { identity: { id: 0, server: undefined }, server: 'mysql', sortedBytes: undefined }
  #idleSince = performance.now()

  constructor(
    wire: Wire,
    options: {
      pipelining: boolean
      isSuperseded: () => boolean
      settings: ConnectionSettings
      owner: ConnectionOwner
      /** Interrupts the statement that a session runs. Resolves when the server has received the request. */
      interrupt: (session: SessionIdentity) => Promise<void>
    },
  ) {
    this.#wire = wire
    this.pipelining = options.pipelining
    this.#isSuperseded = options.isSuperseded
    this.#settings = options.settings
    this.#owner = options.owner
    wire.together = options.pipelining
    this.#preparation = new SessionPreparation(wire, this.#state)
    this.#interruption = new Interruption({
      interrupt: () => options.interrupt(this.#facts.identity),
      pass: () => wire.fly([text('DO 0')]),
      giveUp: (limit) => wire.destroy(new SilenceError(`the server did not stop within ${limit} ms`)),
      doubt: () => this.#state.markSpent(),
    })
    // Without pipelining, each prepared statement would cost a round trip.
    this.#prepared = new PreparedStatements(options.pipelining ? options.settings.preparedStatements : 0)
  }

  get id(): number {
    return this.#facts.identity.id
  }

  /** Known once the session is set up. */
  get identity(): SessionIdentity {
    return this.#facts.identity
  }

  get server(): ServerFacts {
    // MariaDB has RETURNING since 10.5.
    return { returning: this.#facts.server === 'mariadb', maxAllowedPacket: this.#wire.maxAllowedPacket }
  }

  /** Whether the wire has broken, or was closed. */
  get lost(): boolean {
    return this.#wire.lost !== undefined
  }

  /** Whether the connection was given up for want of an answer. Its session may still be running. */
  get silent(): boolean {
    return this.#wire.lost instanceof SilenceError
  }

  get proven(): boolean {
    return this.#wire.proven
  }

  /** The end of its last lease, on the clock of `performance.now()`. */
  get idleSince(): number {
    return this.#idleSince
  }

  /** The time of the server's last answer. */
  get answeredAt(): number {
    return this.#wire.answeredAt
  }

  get condition(): Condition {
    return this.#wire.lost !== undefined || this.#isSuperseded() ? 'spent' : this.#state.condition
  }

  /** Prepares a fresh session for its first lease. Rejects with the server's refusal, or a `ConnectionLostError`. */
  async setUp(): Promise<void> {
    this.#facts = await this.#preparation.setUp()
  }

  /**
   * Removes the variables, locks and temporary tables that a lessee left. Remains that a reset cannot remove mark the session
   * as spent. Rejects as {@link setUp} does.
   */
  async reset(): Promise<void> {
    this.#prepared.clear()
    await this.#preparation.reset()
    this.#mode = 'units'
    this.#timeLimited = false
  }

  async fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]> {
    this.#interruption.begin()
    try {
      // Asked first: after a loss, an unanswered question and COMMIT in one flight would leave the outcome unknown.
      if (commands[0]?.type === 'commit' && !this.proven) await this.#wire.prove()
      if (this.#state.modeInDoubt && commands.some((command) => 'statement' in command))
        await this.#preparation.askMode()
      const mode = commands[0]?.type === 'read' ? 'reads' : 'units'
      this.#turn(mode)
      const outgoing: CommandEncoder[] = []
      // A command may be several statements: the index behind the answers to each.
      const ends = commands.map((command) => outgoing.push(...this.#encode(command)))
      const outcomes = await this.#wire.fly(outgoing, onLast)
      for (const { id } of this.#prepared.takeEvicted()) this.#wire.sendAhead(closePacket(id))
      return commands.map((command, index) => {
        const own = outcomes.length === 1 ? outcomes : outcomes.slice(ends[index - 1] ?? 0, ends[index])
        return this.#answerTo(command, index, own)
      })
    } finally {
      this.#interruption.land()
      const stopping = this.#interruption.end()
      if (stopping !== undefined) await stopping
    }
  }

  async *stream(
    command: StatementCommand,
    ahead: readonly Command[],
    onEnd?: (result: StatementResult) => void,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    if (this.#state.modeInDoubt) await this.#preparation.askMode()
    this.#turn('units')
    this.#state.noteSent(command.statement, this.#facts.server)
    const before = ahead.flatMap((each) => this.#encode(each))
    const batches = new RowBatches(this.#wire)
    const onRows = (rows: Rows): void => batches.push(rows)
    const rows: CommandEncoder = () => ({
      ...inText(textOf(command, this.#state.escaping(this.#facts.server))),
      onRows,
    })
    const flown = this.#wire.fly([...before, rows])
    this.#interruption.begin(() => batches.drop())
    let landed = false
    const land = (): void => {
      landed = true
      this.#interruption.land()
      batches.end()
    }
    flown.then(land, land)
    try {
      for (let batch = await batches.take(); batch !== undefined; batch = await batches.take()) {
        yield decodeRows(batch.rows, batch, this.#settings.values, command)
      }
    } finally {
      const left = !landed
      if (left) this.interrupt()
      await this.#interruption.end()
      // The end of a stream that was left early counts, too: a deadlock has undone the whole transaction.
      const end = await flown.then(
        (outcomes) => this.#endOf(outcomes, command, ahead, before.length),
        (error: unknown) => error as Error,
      )
      if (!(end instanceof Error)) onEnd?.(end)
      else if (!(left && isOfLeaving(end))) await Promise.reject(end)
    }
  }

  /** The result of a stream, or the error of the stream or of the commands ahead of it. */
  #endOf(
    outcomes: readonly Outcome[],
    command: StatementCommand,
    [first]: readonly Command[],
    ahead: number,
  ): StatementResult | Error {
    const refused = outcomes.slice(0, ahead).some((outcome) => outcome instanceof Error)
    // SET TRANSACTION may have succeeded without its transaction, and would apply to the next one.
    if (refused) this.#state.markSpent()
    return this.#answerTo(refused ? (first ?? command) : command, 0, outcomes) ?? NOTHING
  }

  interrupt(): void {
    this.#interruption.start()
  }

  /** Checks that the server still answers. Rejects with a `ConnectionLostError` if not. */
  validate(): Promise<void> {
    return this.#wire.prove()
  }

  renew(transaction?: 'open'): void {
    this.#leave(transaction)
    if (this.#state.condition === 'clean') return
    this.#turn('units')
    // Raw SQL may have changed what units rely on.
    this.#wire.sendAhead(queryPacket(SESSION_SETUP_SQL), ENDED)
    if (this.#timeLimited) this.#wire.sendAhead(queryPacket(noTimeLimitSql(this.#facts.server)), ENDED)
    this.#timeLimited = false
  }

  async native<T>(use: (connection: NativeConnection) => Promise<T>): Promise<T> {
    // A reset does not restore what code can change in a connection of mysql2.
    this.#state.markSpent()
    try {
      return await lendNative(this.#wire, use)
    } finally {
      this.#state.doubtMode()
      this.renew()
    }
  }

  release(transaction?: 'open'): void {
    this.#leave(transaction)
    this.#prepareDue()
    this.#idleSince = performance.now()
    this.#owner.release(this)
  }

  discard(reason: Error): void {
    this.#owner.discard(this, reason)
  }

  /** Closes in good order. */
  quit(): void {
    this.#wire.quit()
  }

  /** Closes at once. */
  destroy(reason: Error): void {
    this.#wire.destroy(reason)
  }

  /** Ends a read-only transaction, without waiting for it. */
  #leave(transaction: 'open' | undefined): void {
    if (transaction !== 'open') return
    this.#wire.sendAhead(queryPacket('COMMIT'), ENDED)
    this.#wire.flush()
  }

  /**
   * Prepares the due texts between two units. Inside a unit, an error may have ended the transaction, and commands behind it
   * would run in another one.
   */
  #prepareDue(): void {
    if (this.condition !== 'clean') return
    for (const sql of this.#prepared.takeDue()) {
      const wrong = (outcome: Reply | Error): undefined => {
        this.#prepared.note(sql, outcome)
        return undefined
      }
      this.#wire.sendAhead(preparePacket(sql), { answer: 'prepared', wrong })
    }
  }

  /** Switches the session's mode, ahead of the next flight. A session that refuses is given up. */
  #turn(mode: SessionMode): void {
    if (mode === this.#mode) return
    this.#wire.sendAhead(queryPacket(modeSql(mode, this.#facts.server)), ENDED)
    this.#mode = mode
  }

  #encode(command: Command): readonly CommandEncoder[] {
    if (command.type === 'begin' && command.options.statementTimeout !== undefined) {
      this.#state.markDirty()
      this.#timeLimited = true
    }
    if (command.type === 'prepare') return [() => checking(command.statement)]
    if (command.type === 'explain') {
      if (!isExplained(command.statement)) return []
      this.#state.noteSent(command.statement, this.#facts.server)
      return [
        () =>
          inText(explainSql(textOf(command, this.#state.escaping(this.#facts.server)), this.#facts.server)),
      ]
    }
    if (!('statement' in command)) return controlSql(command, this.#facts.server).map(text)
    this.#state.noteSent(command.statement, this.#facts.server)
    // A dirty session may have another database or sql_mode than the one in which the statement was prepared.
    const prepared = this.#state.condition === 'clean' ? this.#prepared.use(command.statement) : undefined
    return [() => written(command, prepared, this.#state.escaping(this.#facts.server))]
  }

  #answerTo(command: Command, index: number, outcomes: readonly Outcome[]): Answer {
    if (command.type === 'explain' && !isExplained(command.statement)) return NOTHING
    const outcome = outcomes.find((one) => one instanceof Error) ?? outcomes.at(-1)
    if (outcome === undefined) return undefined
    if (!(outcome instanceof Error)) this.#state.noteStatus(outcome)
    if ('statement' in command && command.statement.kind === 'unknown') {
      this.#state.noteRawAnswer(command.statement, outcome instanceof Error)
    }
    if (command.type === 'prepare' && isUnpreparable(outcome)) return NOTHING
    if (outcome instanceof Error) {
      if (!isServerError(outcome)) return unreadable(outcome, command)
      if (hasLostPrepared(outcome) && !isOwn(command, outcome)) this.#state.markSpent()
      const { exposeParameters } = this.#settings
      return failureOf(command, index, outcome, { exposeParameters, server: this.#facts.server })
    }
    if (outcome.prepared !== undefined) {
      this.#wire.sendAhead(closePacket(outcome.prepared.id))
      return NOTHING
    }
    if ('statement' in command) this.#noteChanges(outcome)
    try {
      return resultOf(command, outcome, {
        values: this.#settings.values,
        sortedBytes: this.#facts.sortedBytes,
      })
    } catch (error) {
      return unreadable(error, command)
    }
  }

  /** Values can be written and read in utf8mb4 only. */
  #noteChanges(reply: Reply): void {
    this.#state.noteChanges(reply)
    const foreign = foreignCharset(reply.header?.stateChanges?.systemVariables ?? {})
    if (foreign !== undefined) this.#wire.destroy(foreign)
  }
}

/** The check of a session between two units: no transaction may be open. */
const ENDED: Check = {
  answer: 'text',
  wrong(outcome) {
    if (outcome instanceof Error) return outcome
    if (((outcome.status ?? 0) & STATUS.IN_TRANS) === 0) return undefined
    return new Error('the server reports an open transaction where none can be')
  },
}

/** Whether an error results from leaving the stream early: the interruption, or a loss that the next flight reports. */
function isOfLeaving(error: Error): boolean {
  return error instanceof ConnectionLostError || (error instanceof StatementError && error.kind === 'killed')
}
