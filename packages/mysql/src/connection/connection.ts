/** One session: turns commands into flights and answers into results, and knows what its lessees left behind. */
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
export interface ConnectionOwner {
  release(connection: MysqlConnection): void
  discard(connection: MysqlConnection, reason: Error): void
}

export class MysqlConnection implements Connection {
  readonly pipelining: boolean
  readonly #wire: Wire
  readonly #settings: ConnectionSettings
  readonly #owner: ConnectionOwner
  /** Whether there may be a better one. */
  readonly #isSuperseded: () => boolean
  readonly #prepared: PreparedStatements
  readonly #state = new SessionState()
  readonly #interruption: Interruption
  /** What a reset leaves as it finds it, as it was at first. */
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
      /** Ends the statement that a session runs. Resolves when the server has heard of it. */
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
    // Where commands travel alone, each that is prepared would cost a round trip.
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
    // RETURNING is as old as MariaDB 10.5.
    return { returning: this.#server === 'mariadb', maxAllowedPacket: this.#wire.maxAllowedPacket }
  }

  /** Whether the wire has broken, or was closed. */
  get lost(): boolean {
    return this.#wire.lost !== undefined
  }

  /** Whether it was given up because no answer came; its session may be there and at work. */
  get silent(): boolean {
    return this.#wire.lost instanceof SilenceError
  }

  get proven(): boolean {
    return this.#wire.proven
  }

  /** When its last lease ended; on the clock of `performance.now()`. */
  get idleSince(): number {
    return this.#idleSince
  }

  /** When the server last answered. */
  get answeredAt(): number {
    return this.#wire.answeredAt
  }

  get condition(): Condition {
    return this.#wire.lost !== undefined || this.#isSuperseded() ? 'spent' : this.#state.condition
  }

  /** Prepares a fresh session for its first lease. Rejects with what the server refused, or a `ConnectionLostError`. */
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

  /** Drops whatever a lessee left: variables, locks, temporary tables; what can't be dropped makes it spent. Rejects as {@link setUp} does. */
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
      // A COMMIT that went unanswered together with the question could not be told from one that was carried out.
      if (commands[0]?.type === 'commit' && !this.proven) await this.#wire.prove()
      if (this.#state.modeInDoubt && commands.some((command) => 'statement' in command)) await this.#askMode()
      const mode = commands[0]?.type === 'read' ? 'reads' : 'units'
      this.#turn(mode)
      const outgoing: CommandEncoder[] = []
      // A command may be several statements; here is where the answers to each end.
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
      // What it ended with counts where nobody takes the rest of it, too: a deadlock has undone the whole transaction.
      const end = await flown.then(
        (outcomes) => this.#endOf(outcomes, command, ahead, before.length),
        (error: unknown) => error as Error,
      )
      if (!(end instanceof Error)) onEnd?.(end)
      else if (!(left && isOfLeaving(end))) await Promise.reject(end)
    }
  }

  /** The result of a stream, or the error that it, or what was sent ahead of it, ended with. */
  #endOf(
    outcomes: readonly Outcome[],
    command: StatementCommand,
    [first]: readonly Command[],
    ahead: number,
  ): StatementResult | Error {
    const refused = outcomes.slice(0, ahead).some((outcome) => outcome instanceof Error)
    // SET TRANSACTION may have come through without the transaction that it was meant for.
    if (refused) this.#state.markSpent()
    return this.#answerTo(refused ? (first ?? command) : command, 0, outcomes) ?? NOTHING
  }

  interrupt(): void {
    this.#interruption.start()
  }

  /** Asks the server whether the session is still there and sound. Rejects with a `ConnectionLostError` if not. */
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

  /** What nobody waits for with a limit of their own must not keep the connection for ever. */
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

  /** Gives the replies to what is needed, and behind them to what can be done without, if there is one. */
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
   * Has the texts prepared ahead of the next unit: inside of one, an error may have rolled the transaction back, and what
   * is on the wire behind it would go on in another.
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

  /** Asks how strings must be written; a session that does not tell is lost. */
  async #askMode(): Promise<void> {
    let outcome: Outcome
    for (let tries = 0; tries < 3; tries += 1) {
      ;[outcome] = await this.#wire.fly([text(`SELECT ${NO_BACKSLASH_ESCAPES}`)])
      if (!isInterrupted(outcome)) break
    }
    if (outcome instanceof Error) this.#wire.destroy(outcome)
    else this.#state.noteMode(outcome)
  }

  /** Turns the session to a mode, ahead of the next flight; a session that the server refuses to turn is lost. */
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
    // What a statement was prepared in may not be what the session is now: another database, another sql_mode.
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
        `a statement set ${variable} to ${charset}, and values can be written and read in utf8mb4 only`,
      ),
    )
  }
}

/** What must be true of a session between two units. */
const ENDED: Check = {
  answer: 'text',
  wrong(outcome) {
    if (outcome instanceof Error) return outcome
    if (((outcome.status ?? 0) & STATUS.IN_TRANS) === 0) return undefined
    return new Error('the server reports an open transaction where none can be')
  },
}

/** Whether rows ended like this because they were left: the server was told to stop, and whatever comes next tells of a loss. */
function isOfLeaving(error: Error): boolean {
  return error instanceof ConnectionLostError || (error instanceof StatementError && error.kind === 'killed')
}

/** Whether somebody had the server stop it, which tells nothing of what it would have answered. */
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
