/** Where queries meet a connection: sends what the interpreter waits for, flight by flight, and feeds the answers back. */
import { LeaseholdError } from './errors.ts'
import { Evaluation, type Request } from './evaluation.ts'
import type { Hook, Query } from './query.ts'
import { rowsOf } from './result.ts'
import type { Statement } from './statement.ts'
import type { Transaction } from './transaction.ts'

/** What is more waits for the next flight, so that what is under way stays bounded. */
const STATEMENTS_IN_FLIGHT = 512

export interface ExecutionOptions {
  /** Called when there is a first statement to send, so that a unit without any needs no connection. */
  readonly open: () => Promise<Transaction>
  /** Whether the one query to be started is all there is: nobody can come with another after its last flight. */
  readonly whole: boolean
  /** Whether the server refuses writes. */
  readonly readOnly: boolean
}

export class Execution {
  readonly #evaluation = new Evaluation()
  readonly #options: ExecutionOptions
  #transaction: Transaction | undefined
  #flying = false
  #landed = Promise.resolve()

  constructor(options: ExecutionOptions) {
    this.#options = options
  }

  /** What doomed the unit. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#evaluation.failure
  }

  /** Absent as long as nothing was sent. */
  get transaction(): Transaction | undefined {
    return this.#transaction
  }

  hooks(on: 'commit' | 'rollback'): readonly Hook[] {
    return this.#evaluation.hooks[on]
  }

  /** Runs a query; one that comes while a flight is on its way travels in the next. Must not be called after a failure. */
  start(query: Query<unknown>): Promise<unknown> {
    const result = new Promise((resolve, reject) => this.#evaluation.start(query, resolve, reject))
    // A failure that nobody waits for still comes out: it fails the unit.
    result.catch(() => {})
    if (!this.#flying) {
      this.#flying = true
      this.#landed = this.#fly()
    }
    return result
  }

  /** Has nothing more sent; what waits for an answer is told `error`. */
  doom(error: unknown): void {
    this.#evaluation.doom(error)
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.#flying) await this.#landed
  }

  async #fly(): Promise<void> {
    do {
      if (!this.#options.whole) await othersHadTheirTurn()
      const requests = this.#evaluation.take(STATEMENTS_IN_FLIGHT)
      if (requests.length > 0) await this.#flight(requests)
    } while (this.#evaluation.waiting)
    this.#flying = false
  }

  async #flight(requests: readonly Request[]): Promise<void> {
    let [current] = requests
    try {
      this.#transaction ??= await this.#options.open()
      const statements = requests.map(({ plan, label }) => ({ statement: plan.statement, label }))
      const answers = await this.#transaction.send(
        statements,
        this.#mayCommitAlong(requests, this.#transaction),
      )
      for (const [index, request] of requests.entries()) {
        const answer = answers[index]
        if (answer === undefined || this.failure !== undefined) return
        current = request
        if (answer instanceof LeaseholdError) throw answer
        this.#evaluation.resume(request, answer, await rowsOf(request.plan.statement, answer))
      }
    } catch (error) {
      this.#evaluation.fail(error, current)
    }
  }

  /**
   * COMMIT waits for all answers, because one that is an error must not be followed by it. But there is nothing to
   * undo in a unit that only reads, nor in a lone write without rows whose result nobody can object to: if it fails, the
   * server has undone it by itself.
   */
  #mayCommitAlong(requests: readonly Request[], transaction: Transaction): boolean {
    if (!this.#options.whole || transaction.wrote) return false
    if (requests.every(({ plan }) => this.#onlyReads(plan.statement))) {
      return this.#evaluation.isOver({ computing: true })
    }
    const [request, another] = requests
    if (request?.plan.statement.kind !== 'write' || another !== undefined) return false
    if (request.plan.checked || request.plan.statement.returning) return false
    return this.#evaluation.isOver({ computing: false })
  }

  #onlyReads({ kind, mayWrite }: Statement): boolean {
    return this.#options.readOnly ? kind === 'read' || kind === 'locking read' : !mayWrite
  }
}

/**
 * A turn for whatever is ready to run, so that queries started by several tasks share a flight. Only the tick queue
 * seen from a microtask comes after all the other microtasks, and before any input or output.
 */
function othersHadTheirTurn(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}
