/** Queue of unsent requests: a bounded number, and the items of `each` whose branches have not begun for lack of room. */
import { LoadBatch } from './load-batch.ts'
import { abandon, type Branch, type ItemsStep, type Step } from './branch.ts'
import type { LoadCache } from './load-cache.ts'
import type { LoadPlan, LoadSource, Query, Queryable, StatementPlan } from '../query/query.ts'
import type { ServerFacts } from '../statement/server-facts.ts'

/** Further statements wait for the next flight, which bounds the memory of one. */
const MAX_STATEMENTS_IN_FLIGHT = 512

/** The same bound for loads, of which one statement answers many. Only an `each` heeds it. */
const MAX_LOADS_IN_FLIGHT = 10_000

/** A statement that a branch waits for. */
export interface Request {
  readonly type: 'statement'
  readonly plan: StatementPlan
  readonly label: string | undefined
  readonly branch: Branch
}

/** A query that a branch attempts behind a savepoint; it runs alone. */
export interface AttemptRequest {
  readonly type: 'attempt'
  readonly source: Query<unknown>
  readonly label: string | undefined
  readonly branch: Branch
}

/** A query that depends on the capabilities of the server. */
export interface ServerRequest {
  readonly type: 'server'
  readonly choose: (server: ServerFacts) => Queryable
  readonly branch: Branch
}

/** A request that one or more branches wait for. */
export type Waiting = Request | AttemptRequest | ServerRequest | LoadBatch

export class RequestQueue {
  #requests: Waiting[] = []
  #taken: readonly (Request | AttemptRequest)[] = []
  readonly #batches = new Map<LoadSource, LoadBatch>()
  /** Number of loads that the next flight answers. */
  #loading = 0
  /** Steps without room in the queue; the last one is next. */
  #parked: ItemsStep[] = []

  get isEmpty(): boolean {
    return this.#requests.length === 0 && this.#parked.length === 0
  }

  /** Whether another branch may be begun. */
  get hasRoom(): boolean {
    return this.#requests.length < MAX_STATEMENTS_IN_FLIGHT && this.#loading < MAX_LOADS_IN_FLIGHT
  }

  /** Whether batches wait for their fetches. */
  get hasBatches(): boolean {
    return this.#batches.size > 0
  }

  /** The requests taken last. */
  get taken(): readonly (Request | AttemptRequest)[] {
    return this.#taken
  }

  /** The first query that waits for server facts. */
  get nextServerDependent(): ServerRequest | undefined {
    return this.#requests.find((request) => request.type === 'server')
  }

  add(request: Waiting): void {
    this.#requests.push(request)
  }

  /** Adds a load to the batch of its source. */
  load(plan: LoadPlan, branch: Branch, cache: LoadCache): void {
    let batch = this.#batches.get(plan.source)
    if (batch === undefined) {
      batch = new LoadBatch(plan.source, branch.label, cache)
      this.#batches.set(plan.source, batch)
      this.add(batch)
    }
    batch.add(plan, branch)
    this.#loading += 1
  }

  /** Parks steps, the first of which is next, ahead of those parked earlier. */
  park(steps: readonly ItemsStep[]): void {
    for (const step of steps.toReversed()) this.#parked.push(step)
  }

  /** Takes the next parked step, if the queue has room. */
  unpark(): ItemsStep | undefined {
    return this.hasRoom ? this.#parked.pop() : undefined
  }

  /** Takes all requests in order. Add those again that are to stay. */
  takeAll(): readonly Waiting[] {
    const requests = this.#requests
    this.#requests = []
    return requests
  }

  /** Closes a batch: the next load of its source begins a new one. */
  close({ source }: LoadBatch): void {
    this.#batches.delete(source)
  }

  /** Takes the next request if it is an attempt. */
  takeAttempt(): AttemptRequest | undefined {
    const [next] = this.#requests
    if (next?.type !== 'attempt') return undefined
    this.#requests = this.#requests.slice(1)
    this.#taken = [next]
    return next
  }

  /** Takes the next statements: at most {@link MAX_STATEMENTS_IN_FLIGHT}, ending with the first of unknown kind. */
  take(): readonly Request[] {
    this.#loading = 0
    const taken: Request[] = []
    for (const request of this.#requests) {
      if (request.type !== 'statement' || taken.length === MAX_STATEMENTS_IN_FLIGHT) break
      taken.push(request)
      if (request.plan.statement.kind === 'unknown') break
    }
    this.#requests = this.#requests.slice(taken.length)
    this.#taken = taken
    return taken
  }

  /** Cancels all waiting branches, including those of the requests taken last. */
  abandon(error: unknown): void {
    for (const waiting of [...this.#taken, ...this.#requests, ...this.#parked]) abandonAll(waiting, error)
    this.#taken = []
    this.#requests = []
    this.#parked = []
    this.#batches.clear()
  }
}

/** Cancels the branches that wait for a request, or the branch of a step. */
export function abandonAll(waiting: Step | Waiting, error: unknown): void {
  for (const branch of waiting instanceof LoadBatch ? waiting.branches : [waiting.branch])
    abandon(branch, error)
}
