/** The scheduler: sends the statements that the interpreter waits for, flight by flight, and feeds the answers back. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attempt, survivable } from '../query/attempt.ts'
import { AcquireError, LeaseholdError, UsageError } from '../errors/errors.ts'
import type { AttemptRequest, Request, ServerRequest } from '../interpreter/request-queue.ts'
import { Interpreter } from '../interpreter/interpreter.ts'
import { type Hook, type Query, streamable } from '../query/query.ts'
import { commitTiming } from './commit-timing.ts'
import { assertOnlyReads } from './read-only-guard.ts'
import { type ExplainedStatement, sendExplained } from '../transaction/explain.ts'
import type { StatementCommand } from '../driver.ts'
import type { Statement } from '../statement/statement.ts'
import { transformedRows } from '../statement/statement-result.ts'
import { leadToPlace } from '../errors/stack-trace.ts'
import type { CommitAlong, TransactionHandle } from '../transaction/transaction.ts'

export interface SchedulerOptions {
  /** Leases the connection. Called for the first statement: a unit without statements needs no connection. */
  readonly open: () => Promise<TransactionHandle>
  /** Whether the unit is a single query, so that no other query can follow its last flight. */
  readonly whole: boolean
  /** Whether the server refuses writes. */
  readonly readOnly: boolean
  /** Milliseconds for the answer to a COMMIT that travels along. */
  readonly commitTimeout: number
  /** Receives the plan of each statement, which an EXPLAIN ahead of the statement gives. The unit is rolled back. */
  readonly onPlan?: (explained: ExplainedStatement) => void
}

export class Scheduler {
  /** The interpreter of the unit, followed by those of the running attempts, the innermost last. */
  readonly #interpreters: [Interpreter, ...Interpreter[]] = [new Interpreter()]
  readonly #options: SchedulerOptions
  #transaction: TransactionHandle | undefined
  /** The error that ended the transaction, before a program replaced it. */
  #cause: unknown
  #stopped: Error | undefined
  #flying = false
  /** Whether the unit ended before its stream. */
  #cut = false
  #landed = Promise.resolve()
  #stream: AsyncGenerator<unknown, void, undefined> | undefined
  /** Work of sandboxed units that waits for its turn. */
  readonly #turns: (() => Promise<void>)[] = []
  /** Resolved when the scheduler stops waiting for that work. */
  #gone: PromiseWithResolvers<void> | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** The failure that doomed the unit, as its query threw it. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#interpreters[0].failure
  }

  /** The error behind the failure: the server's own, if a program has translated it. */
  get cause(): unknown {
    return this.#cause
  }

  /** Absent until the first statement is sent. */
  get transaction(): TransactionHandle | undefined {
    return this.#transaction
  }

  hooks(on: 'commit' | 'rollback'): readonly Hook[] {
    return this.#interpreters[0].hooks[on]
  }

  /** Runs a query. A query that starts during a flight travels in the next one. Must not be called after a failure. */
  start(query: Query<unknown>): Promise<unknown> {
    const result = new Promise((resolve, reject) => this.#interpreters[0].start(query, resolve, reject))
    const told: Promise<unknown> = result.then(
      (value) => {
        if (isFailedAttempt(value)) leadToPlace(value.error)
        return value
      },
      (error: unknown) => {
        // This comes first, because the engine finds the awaiting code of a promise with one reaction only.
        leadToPlace(error)
        // An unawaited failure is not lost: it fails the unit.
        told.catch(() => {})
        throw error
      },
    )
    this.#depart()
    return told
  }

  /** Whether a stream occupies the connection. */
  get streaming(): boolean {
    return this.#stream !== undefined
  }

  /**
   * The rows of one statement in batches, as the loop takes them; see `RowStream`. Throws the statement's failure, and a
   * `UsageError` for a query that is not one statement with rows; both fail the unit.
   */
  stream(query: Query<unknown>): AsyncGenerator<readonly unknown[], void, undefined> {
    return this.#whole(this.#rows(query))
  }

  /** Runs `work` with exclusive use of the transaction, in queue order. */
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
   * Sends nothing more, and stops the flight on its way. Returns false during COMMIT: its answer then decides how the unit
   * ends.
   */
  stop(error: Error): boolean {
    if (this.#transaction?.stop(error) === false) return false
    this.#stopped = error
    this.#gone?.resolve()
    this.doom(error)
    return true
  }

  /** The current activity, for messages. */
  get activity(): string {
    if (this.#transaction !== undefined) return this.#transaction.flights.activity
    return this.#flying ? 'it waited for a connection' : 'no statement had been sent'
  }

  /** Sends nothing more, and rejects everything that waits for an answer with `error`. */
  doom(error: unknown): void {
    for (const interpreter of this.#interpreters.toReversed()) interpreter.doom(error)
  }

  /** Resolves when no flight is on its way. Rows that no loop can take any more are given up. */
  async settled(): Promise<void> {
    this.#cut = this.#stream !== undefined
    // Its failure has doomed the unit already.
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

  /** Sends the next flight, or runs the next attempt to its end. */
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
        : sendExplained(transaction, commands, onPlan))
      for (const [index, request] of requests.entries()) {
        const answer = answers[index]
        if (answer === undefined || interpreter.failure !== undefined) return
        current = request
        if (answer instanceof LeaseholdError) throw answer
        const rows = transformedRows(request.plan.statement, answer)
        interpreter.resume(request, answer, rows instanceof Promise ? await rows : rows)
      }
    } catch (error) {
      this.#cause ??= error
      this.#explainStop(error)
      interpreter.fail(error, current)
    }
  }

  /** A unit that was stopped while it waited for a connection reports why none came. */
  #explainStop(error: unknown): void {
    const stopped = this.#stopped
    if (stopped === undefined || stopped.cause !== undefined) return
    if (error instanceof AcquireError && error.cause !== undefined) stopped.cause = error.cause
  }

  /** Throws at the end of rows that were given up, which would look like their regular end. */
  async *#whole<T>(rows: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    // Set with the first row only: a loop that never begins never ends.
    if (this.#stream !== undefined) {
      throw new UsageError(
        'a stream began within the loop of another one, on the same connection: end the other loop first',
      )
    }
    this.#stream = rows
    try {
      yield* rows
    } catch (error) {
      throw leadToPlace(error)
    }
    if (this.failure !== undefined) throw this.failure.error
    if (this.#cut) {
      throw new UsageError('the unit ended before the loop over its stream: await the loop')
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
      // The unit fails, and runs the rollback hooks of the attempt.
      if (!ended) outer.absorb(inner, false)
    }
  }

  /**
   * Rolls back to the savepoint. Throws `error`, the failure of the attempt, if its `cause` ended the transaction or is a
   * mistake in the calling code.
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

  /** The transaction. The first call leases the connection. */
  async open(): Promise<TransactionHandle> {
    if (this.#transaction !== undefined) return this.#transaction
    this.#transaction = await this.#options.open()
    // The unit may have been stopped during the wait.
    if (this.#stopped !== undefined) this.#transaction.stop(this.#stopped)
    return this.#transaction
  }

  /** The end of the transaction, if it can travel with the requests. */
  #commitAlong(
    interpreter: Interpreter,
    requests: readonly Request[],
    { commitFacts }: TransactionHandle,
  ): CommitAlong | undefined {
    const { whole, commitTimeout } = this.#options
    if (commitFacts === undefined || !whole || interpreter !== this.#interpreters[0]) return undefined
    const isLast = interpreter.isOver({ computing: true })
    // Most flights are not: their statements need no closer look.
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
 * Resolves after all microtasks that are due, so that queries of several tasks share a flight. The tick queue, entered from a
 * microtask, runs after the other microtasks and before any input or output.
 */
function othersHadTheirTurn(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}
