/** Where queries meet a connection: sends what the interpreter waits for, flight by flight, and feeds the answers back. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attempt, survivable } from '../query/attempt.ts'
import { AcquireError, LeaseholdError, UsageError } from '../errors/errors.ts'
import type { AttemptRequest, Request, ServerRequest } from '../interpreter/request-queue.ts'
import { Interpreter } from '../interpreter/interpreter.ts'
import { type Hook, type Query, streamable } from '../query/query.ts'
import { commitTiming } from './commit-timing.ts'
import { assertOnlyReads } from './read-only-guard.ts'
import { type ExplainedStatement, explained } from '../transaction/explain.ts'
import type { StatementCommand } from '../driver.ts'
import type { Statement } from '../statement/statement.ts'
import { rowsOf } from '../statement/statement-result.ts'
import { leadToPlace } from '../errors/stack-trace.ts'
import type { CommitAlong, TransactionHandle } from '../transaction/transaction.ts'

export interface SchedulerOptions {
  /** Called when there is a first statement to send, so that a unit without any needs no connection. */
  readonly open: () => Promise<TransactionHandle>
  /** Whether the one query to be started is all there is: nobody can come with another after its last flight. */
  readonly whole: boolean
  /** Whether the server refuses writes. */
  readonly readOnly: boolean
  /** Milliseconds for the answer to a COMMIT that travels along. */
  readonly commitTimeout: number
  /** Told how the server runs each statement, which is asked with the statement itself; nothing is committed. */
  readonly onPlan?: (explained: ExplainedStatement) => void
}

export class Scheduler {
  /** The unit's own, and behind it those of the attempts under way, the innermost last. */
  readonly #interpreters: [Interpreter, ...Interpreter[]] = [new Interpreter()]
  readonly #options: SchedulerOptions
  #transaction: TransactionHandle | undefined
  /** The error that ended the transaction, before anybody put another in its place. */
  #cause: unknown
  #stopped: Error | undefined
  #flying = false
  /** Whether the unit ended before its stream had. */
  #cut = false
  #landed = Promise.resolve()
  #stream: AsyncGenerator<unknown, void, undefined> | undefined
  /** Work of others that waits for its turn. */
  readonly #turns: (() => Promise<void>)[] = []
  /** Settled when they are not waited for any more. */
  #gone: PromiseWithResolvers<void> | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** What doomed the unit, as its query let it out. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#interpreters[0].failure
  }

  /** The error behind the failure: the server's own, where a program has translated it. */
  get cause(): unknown {
    return this.#cause
  }

  /** Absent as long as nothing was sent. */
  get transaction(): TransactionHandle | undefined {
    return this.#transaction
  }

  hooks(on: 'commit' | 'rollback'): readonly Hook[] {
    return this.#interpreters[0].hooks[on]
  }

  /** Runs a query; one that comes while a flight is on its way travels in the next. Must not be called after a failure. */
  start(query: Query<unknown>): Promise<unknown> {
    const result = new Promise((resolve, reject) => this.#interpreters[0].start(query, resolve, reject))
    const told: Promise<unknown> = result.then(
      (value) => {
        if (isFailedAttempt(value)) leadToPlace(value.error)
        return value
      },
      (error: unknown) => {
        // Before the next line, since the engine finds only the one that waits alone.
        leadToPlace(error)
        // A failure that nobody waits for still comes out: it fails the unit.
        told.catch(() => {})
        throw error
      },
    )
    this.#depart()
    return told
  }

  /** Whether rows are on their way, so that nothing else can be. */
  get streaming(): boolean {
    return this.#stream !== undefined
  }

  /**
   * The rows of one statement in batches, as they are taken; see `RowStream`. Throws a `UsageError` for what is not the
   * rows of one statement, and what makes the statement fail; both fail the unit.
   */
  stream(query: Query<unknown>): AsyncGenerator<readonly unknown[], void, undefined> {
    return this.#whole(this.#rows(query))
  }

  /** Has others work on the transaction: in its turn, while nothing else is sent. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const bound = AsyncLocalStorage.bind(work)
    this.#gone ??= Promise.withResolvers()
    return new Promise((resolve, reject) => {
      const forgetting = (): Promise<T> => bound().finally(() => this.#interpreters[0].forget())
      this.#turns.push(() => forgetting().then(resolve, reject))
      this.#depart()
    })
  }

  /**
   * Has nothing more sent, and what is under way stopped. Gives false where COMMIT is under way: then its answer tells how
   * the unit ends, and whoever waits for a result goes on waiting.
   */
  stop(error: Error): boolean {
    if (this.#transaction?.stop(error) === false) return false
    this.#stopped = error
    this.#gone?.resolve()
    this.doom(error)
    return true
  }

  /** What is going on, for messages. */
  get activity(): string {
    if (this.#transaction !== undefined) return this.#transaction.flights.activity
    return this.#flying ? 'it waited for a connection' : 'no statement had been sent'
  }

  /** Has nothing more sent; what waits for an answer is told `error`. */
  doom(error: unknown): void {
    for (const interpreter of this.#interpreters.toReversed()) interpreter.doom(error)
  }

  /** Resolves when nothing is on its way any more; rows that are, and that nobody can take any more, are given up. */
  async settled(): Promise<void> {
    this.#cut = this.#stream !== undefined
    // What it fails with has doomed the unit.
    await this.#stream?.return().catch(() => {})
    while (this.#flying) await this.#landed
  }

  #depart(): void {
    if (this.#flying) return
    this.#flying = true
    this.#landed = this.#fly()
  }

  async #fly(): Promise<void> {
    const [interpreter] = this.#interpreters
    do {
      if (!this.#options.whole) await othersHadTheirTurn()
      const turn = interpreter.waiting ? undefined : this.#turns.shift()
      await (turn === undefined ? this.#next(interpreter) : Promise.race([turn(), this.#gone?.promise]))
    } while (interpreter.waiting || this.#turns.length > 0)
    this.#flying = false
  }

  /** One step of what waits to be sent: a flight, or the whole of an attempt. */
  async #next(interpreter: Interpreter): Promise<void> {
    for (let request = interpreter.undecided; request !== undefined; request = interpreter.undecided) {
      await this.#decide(interpreter, request)
    }
    const attempt = interpreter.takeAttempt()
    if (attempt !== undefined) return this.#attempt(interpreter, attempt)
    const requests = interpreter.take()
    if (requests.length > 0) return this.#flight(interpreter, requests)
    return undefined
  }

  async #decide(interpreter: Interpreter, request: ServerRequest): Promise<void> {
    try {
      const { session } = await this.open()
      interpreter.tellServer(session.server)
    } catch (error) {
      this.#cause ??= error
      interpreter.fail(error, request)
    }
  }

  async #flight(interpreter: Interpreter, requests: readonly Request[]): Promise<void> {
    let [current] = requests
    try {
      const commands = requests.map(({ plan, label }) => commandOf(plan.statement, label))
      if (this.#options.readOnly) {
        current = requests.find(({ plan }) => !plan.statement.reads) ?? current
        assertOnlyReads(commands)
      }
      const transaction = await this.open()
      if (interpreter.failure !== undefined) return
      const { onPlan } = this.#options
      const answers = await (onPlan === undefined
        ? transaction.send(commands, this.#commitAlong(interpreter, requests, transaction))
        : explained(transaction, commands, onPlan))
      for (const [index, request] of requests.entries()) {
        const answer = answers[index]
        if (answer === undefined || interpreter.failure !== undefined) return
        current = request
        if (answer instanceof LeaseholdError) throw answer
        const rows = rowsOf(request.plan.statement, answer)
        interpreter.resume(request, answer, rows instanceof Promise ? await rows : rows)
      }
    } catch (error) {
      this.#cause ??= error
      this.#explainStop(error)
      interpreter.fail(error, current)
    }
  }

  /** Who was stopped while waiting for a connection is told why none came. */
  #explainStop(error: unknown): void {
    const stopped = this.#stopped
    if (stopped === undefined || stopped.cause !== undefined) return
    if (error instanceof AcquireError && error.cause !== undefined) stopped.cause = error.cause
  }

  /** Throws at the end of rows that were given up, which looks like the end of them all. */
  async *#whole<T>(rows: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    // Not before the first is asked for: what is never begun has no end.
    if (this.#stream !== undefined) {
      throw new UsageError('a stream was begun while the rows of another were on their way: take those first')
    }
    this.#stream = rows
    try {
      yield* rows
    } catch (error) {
      throw leadToPlace(error)
    }
    if (this.failure !== undefined) throw this.failure.error
    if (this.#cut) {
      throw new UsageError(
        'the unit ended while rows of its stream were still to come: await the loop that takes them',
      )
    }
  }

  async *#rows(query: Query<unknown>): AsyncGenerator<readonly unknown[], void, undefined> {
    try {
      const { statement, label } = streamable(query)
      while (this.#flying) await this.#landed
      const command = commandOf(statement, label)
      if (this.#options.readOnly) assertOnlyReads([command])
      if (this.failure !== undefined) return
      const transaction = await this.open()
      if (this.failure !== undefined) return
      this.#interpreters[0].forget(statement)
      for await (const rows of transaction.stream(command)) {
        yield statement.transforms ? await statement.transform(rows) : rows
      }
    } catch (error) {
      this.#cause ??= error
      this.doom(error)
      throw error
    } finally {
      this.#stream = undefined
    }
  }

  async #attempt(outer: Interpreter, request: AttemptRequest): Promise<void> {
    const inner = outer.inner()
    let ended = false
    this.#interpreters.push(inner)
    try {
      const outcomeOfInner = new Promise<Attempt<unknown>>((resolve) => {
        const succeeded = (value: unknown): void => resolve({ ok: true, value })
        inner.start(request.source, succeeded, (error) => resolve({ ok: false, error }), request.label)
      })
      const savepoint = inner.waiting ? (await this.open()).savepoint() : undefined
      while (inner.waiting) await this.#next(inner)
      const outcome = await outcomeOfInner
      if (outer.failure !== undefined) return
      if (!outcome.ok) await this.#undo(savepoint, outcome.error, inner.cause)
      ended = true
      outer.absorb(inner, outcome.ok)
      outer.resumeAttempt(request, outcome)
    } catch (error) {
      outer.fail(error, request)
    } finally {
      this.#interpreters.pop()
      // The unit fails, of which its hooks are to be told.
      if (!ended) outer.absorb(inner, false)
    }
  }

  /**
   * Rolls back to the savepoint; throws `error`, with which the attempt failed for that `cause`, if there is nothing left to go on
   * with, or it is a mistake in the calling code.
   */
  async #undo(savepoint: string | undefined, error: unknown, cause: unknown): Promise<void> {
    if (cause instanceof UsageError || (this.#cause !== undefined && !survivable(this.#cause))) throw error
    if (savepoint !== undefined) {
      try {
        await this.#transaction?.rollbackTo(savepoint)
      } catch (refusal) {
        if (survivable(refusal)) throw error
        this.#cause = refusal
        throw refusal
      }
    }
    this.#cause = undefined
  }

  /** The transaction; leases the connection, if no statement has needed it yet. */
  async open(): Promise<TransactionHandle> {
    if (this.#transaction !== undefined) return this.#transaction
    this.#transaction = await this.#options.open()
    // It may have been stopped while it waited.
    if (this.#stopped !== undefined) this.#transaction.stop(this.#stopped)
    return this.#transaction
  }

  /** The end of the transaction, if it can go along with the requests. */
  #commitAlong(
    interpreter: Interpreter,
    requests: readonly Request[],
    { commitFacts }: TransactionHandle,
  ): CommitAlong | undefined {
    const { whole, commitTimeout } = this.#options
    if (commitFacts === undefined || !whole || interpreter !== this.#interpreters[0]) return undefined
    const isLast = interpreter.isOver({ computing: true })
    // Most flights are not, and need not be looked at.
    if (!isLast) return undefined
    const statements = requests.map(({ plan: { statement, checked } }) => {
      const { kind, mayWrite, returning } = statement
      return { kind, mayWrite, returning, checked }
    })
    const isCertain = interpreter.isOver({ computing: false })
    const timing = commitTiming(statements, commitFacts, { isLast, isCertain })
    return timing === 'later' ? undefined : { timing, limit: commitTimeout }
  }
}

function isFailedAttempt(value: unknown): value is Extract<Attempt<unknown>, { ok: false }> {
  return (
    typeof value === 'object' && value !== null && 'ok' in value && value.ok === false && 'error' in value
  )
}

function commandOf(statement: Statement, label: string | undefined): StatementCommand {
  return { type: 'statement', statement, label }
}

/**
 * A turn for whatever is ready to run, so that queries started by several tasks share a flight. Only the tick queue
 * seen from a microtask comes after all the other microtasks, and before any input or output.
 */
function othersHadTheirTurn(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}
