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
  UsageError,
} from '@leasehold/core'
import type { Reply, Rows } from '../protocol/reply-readers.ts'
import { controlSql } from './transaction-sql.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import { hasLostPrepared, isServerError, kindOf } from '../errors.ts'
import { SERVER_SQL, serverOf, type SessionIdentity } from './session-identity.ts'
import { explainSql, isExplained } from './explain.ts'
import { Interruption } from './interruption.ts'
import { checking, inText, RESET, text, textOf, written } from './encode-command.ts'
import { closePacket, preparePacket, queryPacket } from '../protocol/packets.ts'
import { patience, SilenceError } from '../protocol/patience.ts'
import type { Check, Outcome, CommandEncoder, Wire } from '../protocol/wire.ts'
import { amongProbes, KEPT_SQL, keptOf, readProbes } from './session-probes.ts'
import { PreparedStatements } from './prepared-statements.ts'
import {
  LIMITS_SQL,
  modeSql,
  NO_BACKSLASH_ESCAPES,
  SESSION_SETUP_SQL,
  type SessionMode,
  STATUS,
} from './session-setup.ts'
import { type Condition, foreignCharsetOf, SessionState } from './session-state.ts'
import { failureOf, isOwn, isUnpreparable, NOTHING, resultOf, unreadable } from './decode-reply.ts'
import { RowBatches } from './row-batches.ts'
import { exactRows, type ValueSettings } from '../values/exact-rows.ts'

/** Milliseconds for the work of a connection between leases, such as a reset. */
const ERRAND_TIMEOUT = 1_000

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

export class MysqlConnection implements Connection {
  readonly pipelining: boolean
  readonly #wire: Wire
  readonly #settings: ConnectionSettings
  readonly #owner: ConnectionOwner
  /** Whether a pipelining connection may replace this one. */
  readonly #isSuperseded: () => boolean
  readonly #prepared: PreparedStatements
  readonly #state = new SessionState()
  readonly #interruption: Interruption
  /** The initial values of the state that a reset does not restore. */
  #kept = ''
  #mode: SessionMode = 'units'
  #server: ServerKind = 'mysql'
  #sortedBytes: number | undefined
  #identity: SessionIdentity = { id: 0, server: undefined }
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
    this.#interruption = new Interruption({
      interrupt: () => options.interrupt(this.#identity),
      pass: () => wire.fly([text('DO 0')]),
      giveUp: (limit) => wire.destroy(new SilenceError(`the server did not stop within ${limit} ms`)),
      doubt: () => this.#state.markSpent(),
    })
    // Without pipelining, each prepared statement would cost a round trip.
    this.#prepared = new PreparedStatements(options.pipelining ? options.settings.preparedStatements : 0)
  }

  get id(): number {
    return this.#identity.id
  }

  /** Known once the session is set up. */
  get identity(): SessionIdentity {
    return this.#identity
  }

  get server(): ServerFacts {
    // MariaDB has RETURNING since 10.5.
    return { returning: this.#server === 'mariadb', maxAllowedPacket: this.#wire.maxAllowedPacket }
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
    const needed = amongProbes(SESSION_SETUP_SQL, LIMITS_SQL).map(text)
    const replies = await this.#prepare(needed, text(SERVER_SQL))
    const limits = replies[3]
    const { hasInitConnect, kept } = readProbes(replies.slice(0, needed.length))
    this.#kept = kept
    if (hasInitConnect) this.#state.keepUnreset()
    const { id, maxAllowedPacket, maxSortLength, version } = limits?.rows?.[0] ?? {}
    this.#state.noteMode(limits)
    this.#identity = { id: Number(id), server: serverOf(replies[needed.length]) }
    this.#wire.maxAllowedPacket = Number(maxAllowedPacket)
    this.#server = /mariadb/i.test(String(version)) ? 'mariadb' : 'mysql'
    this.#sortedBytes = Number(maxSortLength)
  }

  /**
   * Removes the variables, locks and temporary tables that a lessee left. Remains that a reset cannot remove mark the session
   * as spent. Rejects as {@link setUp} does.
   */
  async reset(): Promise<void> {
    this.#prepared.clear()
    const replies = await this.#withTimeout(this.#prepare([RESET, text(SESSION_SETUP_SQL), text(KEPT_SQL)]))
    this.#state.markClean()
    this.#state.noteMode(replies[2])
    if (keptOf(replies[2]) !== this.#kept) this.#state.markSpent()
    this.#mode = 'units'
  }

  async fly(commands: readonly Command[], onLast?: () => void): Promise<readonly Answer[]> {
    this.#interruption.begin()
    try {
      // Asked first: after a loss, an unanswered question and COMMIT in one flight would leave the outcome unknown.
      if (commands[0]?.type === 'commit' && !this.proven) await this.#wire.prove()
      if (this.#state.modeInDoubt && commands.some((command) => 'statement' in command)) await this.#askMode()
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
    if (this.#state.modeInDoubt) await this.#askMode()
    this.#turn('units')
    this.#state.noteSent(command.statement, this.#server)
    const before = ahead.flatMap((each) => this.#encode(each))
    const batches = new RowBatches(this.#wire)
    const onRows = (rows: Rows): void => batches.push(rows)
    const rows: CommandEncoder = () => ({
      ...inText(textOf(command, this.#state.escaping(this.#server))),
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
        yield exactRows(batch.rows, batch, this.#settings.values, command)
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

  release(transaction?: 'open'): void {
    if (transaction === 'open') {
      this.#wire.sendAhead(queryPacket('COMMIT'), ENDED)
      this.#wire.flush()
    }
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

  /** Bounds work that no unit waits for: it must not keep the connection for ever. */
  async #withTimeout<T>(errand: Promise<T>): Promise<T> {
    const heard = patience(ERRAND_TIMEOUT, () =>
      this.#wire.destroy(new SilenceError(`the server did not answer within ${ERRAND_TIMEOUT} ms`)),
    )
    try {
      return await errand
    } finally {
      heard()
    }
  }

  /** Returns the replies to the needed commands, followed by those to the optional ones that succeeded. */
  async #prepare(
    needed: readonly CommandEncoder[],
    ...wanted: readonly CommandEncoder[]
  ): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const [index, outcome] of (await this.#wire.fly([...needed, ...wanted])).entries()) {
      if (outcome === undefined || outcome instanceof Error) {
        if (index >= needed.length && !isInterrupted(outcome)) break
        throw refused(outcome)
      }
      replies.push(outcome)
      this.#state.noteStatus(outcome)
    }
    return replies
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

  /** Asks for the sql_mode, which decides how strings are written. A session that does not answer is given up. */
  async #askMode(): Promise<void> {
    let outcome: Outcome
    for (let tries = 0; tries < 3; tries += 1) {
      ;[outcome] = await this.#wire.fly([text(`SELECT ${NO_BACKSLASH_ESCAPES}`)])
      if (!isInterrupted(outcome)) break
    }
    if (outcome instanceof Error) this.#wire.destroy(outcome)
    else this.#state.noteMode(outcome)
  }

  /** Switches the session's mode, ahead of the next flight. A session that refuses is given up. */
  #turn(mode: SessionMode): void {
    if (mode === this.#mode) return
    this.#wire.sendAhead(queryPacket(modeSql(mode, this.#server)), ENDED)
    this.#mode = mode
  }

  #encode(command: Command): readonly CommandEncoder[] {
    if (command.type === 'begin' && command.options.statementTimeout !== undefined) this.#state.markDirty()
    if (command.type === 'prepare') return [() => checking(command.statement)]
    if (command.type === 'explain') {
      if (!isExplained(command.statement)) return []
      this.#state.noteSent(command.statement, this.#server)
      return [() => inText(explainSql(textOf(command, this.#state.escaping(this.#server)), this.#server))]
    }
    if (!('statement' in command)) return controlSql(command, this.#server).map(text)
    this.#state.noteSent(command.statement, this.#server)
    // A dirty session may have another database or sql_mode than the one in which the statement was prepared.
    const prepared = this.#state.condition === 'clean' ? this.#prepared.use(command.statement) : undefined
    return [() => written(command, prepared, this.#state.escaping(this.#server))]
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
      return failureOf(command, index, outcome, { exposeParameters, server: this.#server })
    }
    if (outcome.prepared !== undefined) {
      this.#wire.sendAhead(closePacket(outcome.prepared.id))
      return NOTHING
    }
    if ('statement' in command) this.#noteChanges(outcome)
    try {
      return resultOf(command, outcome, { values: this.#settings.values, sortedBytes: this.#sortedBytes })
    } catch (error) {
      return unreadable(error, command)
    }
  }

  /** Values can be written and read in utf8mb4 only. */
  #noteChanges(reply: Reply): void {
    this.#state.noteChanges(reply)
    const foreign = foreignCharsetOf(reply)
    if (foreign === undefined) return
    const [variable, charset] = foreign
    this.#wire.destroy(
      new UsageError(
        `a statement set ${variable} to ${charset}: values are written and read in utf8mb4 only`,
      ),
    )
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

/** Whether a KILL QUERY interrupted the command, which hides its real answer. */
function isInterrupted(outcome: Outcome): boolean {
  return outcome instanceof Error && isServerError(outcome) && kindOf(outcome) === 'killed'
}

function refused(outcome: Error | undefined): Error {
  if (outcome === undefined || !isServerError(outcome))
    return outcome ?? new Error('the session could not be set up')
  return new Error(`the server refused to set up the session: ${outcome.sqlMessage} (${outcome.errno})`, {
    cause: outcome,
  })
}
