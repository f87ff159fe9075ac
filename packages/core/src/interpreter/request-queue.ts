/** What waits to be sent: a bounded number of requests, and behind them the items whose branches find no room yet. */
import { LoadBatch } from './load-batch.ts'
import { abandon, type Branch, type ItemsTurn, type Turn } from './branch.ts'
import type { LoadCache } from './load-cache.ts'
import type { LoadPlan, LoadSource, Query, Queryable, StatementPlan } from '../query/query.ts'
import type { ServerFacts } from '../statement/server-facts.ts'

/** What is more waits for the next flight, so that what is under way stays bounded. */
const STATEMENTS_IN_FLIGHT = 512

/** The same for loads, which are many to a statement, as far as an `each` begins them. */
const LOADS_IN_FLIGHT = 10_000

/** A statement that a branch waits for. */
export interface Request {
  readonly type: 'statement'
  readonly plan: StatementPlan
  readonly label: string | undefined
  readonly branch: Branch
}

/** A query that a branch wants attempted, by itself and behind a savepoint. */
export interface AttemptRequest {
  readonly type: 'attempt'
  readonly source: Query<unknown>
  readonly label: string | undefined
  readonly branch: Branch
}

/** A query that depends on what the server can do. */
export interface ServerRequest {
  readonly type: 'server'
  readonly choose: (server: ServerFacts) => Queryable
  readonly branch: Branch
}

/** What a branch waits for. */
export type Waiting = Request | AttemptRequest | ServerRequest | LoadBatch

export class RequestQueue {
  #requests: Waiting[] = []
  #taken: readonly (Request | AttemptRequest)[] = []
  readonly #batches = new Map<LoadSource, LoadBatch>()
  /** How many loads the next flight has to answer. */
  #loading = 0
  /** What found no room among the requests; the last is next. */
  #parked: ItemsTurn[] = []

  get isEmpty(): boolean {
    return this.#requests.length === 0 && this.#parked.length === 0
  }

  /** Whether another branch may be begun. */
  get hasRoom(): boolean {
    return this.#requests.length < STATEMENTS_IN_FLIGHT && this.#loading < LOADS_IN_FLIGHT
  }

  /** Whether loads wait to be gathered. */
  get hasBatches(): boolean {
    return this.#batches.size > 0
  }

  /** What was taken last. */
  get taken(): readonly (Request | AttemptRequest)[] {
    return this.#taken
  }

  /** The first query that waits to be told of the server. */
  get undecided(): ServerRequest | undefined {
    return this.#requests.find((request) => request.type === 'server')
  }

  add(request: Waiting): void {
    this.#requests.push(request)
  }

  /** Adds a load to the batch of its source. */
  load(plan: LoadPlan, branch: Branch, memory: LoadCache): void {
    let batch = this.#batches.get(plan.source)
    if (batch === undefined) {
      batch = new LoadBatch(plan.source, branch.label, memory)
      this.#batches.set(plan.source, batch)
      this.add(batch)
    }
    batch.add(plan, branch)
    this.#loading += 1
  }

  /** Items that were parked together, the first of which is next, before those that were parked earlier. */
  park(turns: readonly ItemsTurn[]): void {
    for (const turn of turns.toReversed()) this.#parked.push(turn)
  }

  /** The items whose turn it is, if there is room. */
  unpark(): ItemsTurn | undefined {
    return this.hasRoom ? this.#parked.pop() : undefined
  }

  /** All requests in their order, for those that are to stay to be added again. */
  takeAll(): readonly Waiting[] {
    const requests = this.#requests
    this.#requests = []
    return requests
  }

  /** Nobody else will add to the batch. */
  close({ source }: LoadBatch): void {
    this.#batches.delete(source)
  }

  /** The attempt that is next, if one is. */
  takeAttempt(): AttemptRequest | undefined {
    const [next] = this.#requests
    if (next?.type !== 'attempt') return undefined
    this.#requests = this.#requests.slice(1)
    this.#taken = [next]
    return next
  }

  /** The next statements, a bounded number, and nothing behind one of which nobody knows what it does. */
  take(): readonly Request[] {
    this.#loading = 0
    const taken: Request[] = []
    for (const request of this.#requests) {
      if (request.type !== 'statement' || taken.length === STATEMENTS_IN_FLIGHT) break
      taken.push(request)
      if (request.plan.statement.kind === 'unknown') break
    }
    this.#requests = this.#requests.slice(taken.length)
    this.#taken = taken
    return taken
  }

  /** Gives up all that waits, and what was taken last. */
  abandon(error: unknown): void {
    for (const waiting of [...this.#taken, ...this.#requests, ...this.#parked]) abandonAll(waiting, error)
    this.#taken = []
    this.#requests = []
    this.#parked = []
    this.#batches.clear()
  }
}

/** Tells all who wait for it. */
export function abandonAll(waiting: Turn | Waiting, error: unknown): void {
  for (const branch of waiting instanceof LoadBatch ? waiting.branches : [waiting.branch])
    abandon(branch, error)
}
