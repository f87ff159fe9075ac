/**
 * The interpreter: walks queries until each of their branches waits for a statement, and goes on when the
 * answers come. It knows nothing of connections. It is iterative, a stack of frames for each branch, so that
 * neither long programs nor long chains of `map` and `andThen` use up the call stack.
 */
import type { Attempt } from './attempt.ts'
import { Batch } from './batch.ts'
import {
  abandon,
  arrive,
  beginItem,
  type Branch,
  fork,
  type ItemsTurn,
  itemsTurn,
  onlyEnds,
  type Root,
  throwInto,
  type Turn,
} from './branch.ts'
import { UsageError } from './errors.ts'
import { Memory } from './memory.ts'
import {
  type Hook,
  type LoadPlan,
  type LoadSource,
  type Plan,
  planOf,
  type Query,
  type Queryable,
  type StatementPlan,
  toQuery,
} from './query.ts'
import { nest } from './relation.ts'
import type { StatementResult } from './result.ts'
import type { Statement } from './statement.ts'
import type { ServerFacts } from './server.ts'

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

export class Evaluation {
  #requests: (Request | AttemptRequest | ServerRequest | Batch)[] = []
  #taken: readonly (Request | AttemptRequest)[] = []
  readonly #batches = new Map<LoadSource, Batch>()
  /** How many loads the next flight has to answer. */
  #loading = 0
  /** What found no room among the requests; the last is next. */
  #parked: ItemsTurn[] = []
  readonly #memory: Memory
  #failure: { readonly error: unknown } | undefined
  readonly hooks: Readonly<Record<'commit' | 'rollback', Hook[]>> = { commit: [], rollback: [] }

  constructor(memory: Memory = new Memory()) {
    this.#memory = memory
  }

  /** What doomed the evaluation: the first failure, as its query let it out. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Whether statements wait to be sent. */
  get waiting(): boolean {
    return this.#requests.length > 0 || this.#parked.length > 0
  }

  /** Walks a query up to its first statements; `resolve` or `reject` are told how it ends. */
  start(query: Query<unknown>, resolve: Root['resolve'], reject: Root['reject'], label?: string): void {
    this.#advance([{ branch: { frames: [], label, end: { type: 'root', resolve, reject } }, down: query }])
  }

  /** The first query that waits to be told of the server. */
  get undecided(): ServerRequest | undefined {
    return this.#requests.find((request) => request.type === 'server')
  }

  /** Goes on with the queries that wait to be told of the server; what they send keeps their place among the others. */
  tellServer(server: ServerFacts): void {
    const requests = this.#requests
    this.#requests = []
    for (const request of requests) {
      if (this.#failure !== undefined) abandonAll(request, this.#failure.error)
      else if (request.type === 'server') this.#choose(request, server)
      else this.#requests.push(request)
    }
  }

  #choose({ branch, choose }: ServerRequest, server: ServerFacts): void {
    try {
      this.#advance([{ branch, down: toQuery(choose(server)) }])
    } catch (error) {
      this.#fail(branch, error)
    }
  }

  /** The attempt that is next, if one is. Nothing else must be sent until it has ended. */
  takeAttempt(): AttemptRequest | undefined {
    const [next] = this.#requests
    if (next?.type !== 'attempt') return undefined
    this.#requests = this.#requests.slice(1)
    this.#taken = [next]
    return next
  }

  /** The next statements to send, a bounded number, and nothing behind one of which nobody knows what it does. */
  take(): readonly Request[] {
    if (this.#parked.length > 0 || this.#batches.size > 0) this.#fill()
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

  /**
   * Whether nothing can come after the statements taken last: no further step, and no computation on their
   * results either unless `computing` is allowed for.
   */
  isOver(options: { readonly computing: boolean }): boolean {
    return !this.waiting && this.#taken.every(({ branch }) => onlyEnds(branch, options.computing))
  }

  /** Goes on with the branch that waited for `request`. */
  resume(request: Request, result: StatementResult, rows: readonly unknown[]): void {
    const { branch, label, plan } = request
    try {
      const value = plan.decode({ result, rows, label })
      this.#memory.ran(plan.statement)
      this.#advance([{ branch, up: value }])
    } catch (error) {
      this.fail(error, request)
    }
  }

  /** Has loads asked for again that may not hold any more, since others have sent this statement, or nobody knows what. */
  forget(statement?: Statement): void {
    if (statement === undefined) this.#memory.forget()
    else this.#memory.ran(statement)
  }

  /** An evaluation of an attempt's own, which knows what this one does. */
  inner(): Evaluation {
    return new Evaluation(new Memory(this.#memory))
  }

  /** Takes over from an {@link inner} one that has ended: its hooks, if it has succeeded, and what it knows. */
  absorb(inner: Evaluation, succeeded: boolean): void {
    this.#memory.absorb(inner.#memory, succeeded)
    if (!succeeded) return
    this.hooks.commit.push(...inner.hooks.commit)
    this.hooks.rollback.push(...inner.hooks.rollback)
  }

  /** Goes on with the branch that waited for an attempt. */
  resumeAttempt({ branch }: AttemptRequest, outcome: Attempt<unknown>): void {
    this.#advance([{ branch, up: outcome }])
  }

  /** Fails the branch that waited for `request`, and with it everything that was started. */
  fail(error: unknown, request: Request | AttemptRequest | ServerRequest | undefined): void {
    if (request === undefined) this.doom(error)
    else this.#fail(request.branch, error)
  }

  /** Takes the turns, the last one first. */
  #advance(turns: Turn[]): void {
    const before = this.#parked.length
    for (let next = turns.pop(); next !== undefined; next = turns.pop()) {
      try {
        if (!('items' in next)) this.#walk(next, turns)
        else if (this.#hasRoom) beginItem(next, turns)
        else this.#parked.push(next)
      } catch (error) {
        this.#fail(next.branch, error)
        for (const turn of turns) abandonAll(turn, this.#failure?.error)
        return
      }
    }
    // What was parked first is next, before what was parked in earlier calls: begun branches go on before others begin.
    if (this.#parked.length > before + 1) {
      for (const turn of this.#parked.splice(before).toReversed()) this.#parked.push(turn)
    }
  }

  get #hasRoom(): boolean {
    return this.#requests.length < STATEMENTS_IN_FLIGHT && this.#loading < LOADS_IN_FLIGHT
  }

  /** Begins branches that wait for room while there is some, and sends the batches off: nobody else will add to them. */
  #fill(): void {
    for (;;) {
      const next = this.#hasRoom ? this.#parked.pop() : undefined
      if (next !== undefined) this.#advance([next])
      else if (this.#batches.size > 0) this.#depart()
      else return
    }
  }

  /** Puts in the place of each batch the first statements of its fetches. */
  #depart(): void {
    const requests = this.#requests
    this.#requests = []
    for (const request of requests) {
      if (this.#failure !== undefined) abandonAll(request, this.#failure.error)
      else if (request.type === 'batch') {
        this.#batches.delete(request.source)
        this.#advance(request.depart())
      } else this.#requests.push(request)
    }
  }

  #ask(plan: LoadPlan, branch: Branch): void {
    let batch = this.#batches.get(plan.source)
    if (batch === undefined) {
      batch = new Batch(plan.source, branch.label, this.#memory)
      this.#batches.set(plan.source, batch)
      this.#requests.push(batch)
    }
    batch.add(plan, branch)
    this.#loading += 1
  }

  /** Walks one branch until it waits or ends; others that it sets going are added to `turns`. */
  #walk(turn: Exclude<Turn, ItemsTurn>, turns: Turn[]): void {
    const { branch } = turn
    const { frames } = branch
    let query: Query<unknown> | undefined = turn.down
    let value: unknown = turn.down === undefined ? turn.up : undefined
    for (;;) {
      if (query !== undefined) {
        const plan: Plan = planOf(query)
        query = undefined
        switch (plan.type) {
          case 'statement':
            this.#requests.push({ type: 'statement', plan, label: branch.label, branch })
            return
          case 'attempt':
            this.#requests.push({ type: 'attempt', source: plan.source, label: branch.label, branch })
            return
          case 'server':
            this.#requests.push({ type: 'server', choose: plan.choose, branch })
            return
          case 'all':
            if (plan.branches.length > 0) {
              turns.push(...fork(branch, plan))
              return
            }
            value = plan.collect([])
            break
          case 'each':
            if (plan.items.length > 0) {
              turns.push(itemsTurn(branch, plan))
              return
            }
            value = []
            break
          case 'load': {
            const { label } = branch
            frames.push({ type: 'map', transform: (rows) => plan.pick(rows as readonly unknown[], label) })
            value = this.#memory.find(plan.source, plan.identity)
            if (value === undefined) {
              this.#ask(plan, branch)
              return
            }
            break
          }
          case 'map':
          case 'then':
          case 'with':
            frames.push(plan)
            query = plan.source
            continue
          case 'label':
            frames.push({ type: 'label', outer: branch.label })
            branch.label = plan.label
            query = plan.source
            continue
          case 'program':
            frames.push({ type: 'iterator', iterator: started(plan.body) })
            value = undefined
            break
          case 'hook':
            this.hooks[plan.on].push(plan.hook)
            value = undefined
            break
          case 'succeed':
            value = plan.value
            break
          case 'fail':
            throw plan.error
          default:
            plan satisfies never
        }
      }
      const frame = frames.at(-1)
      if (frame === undefined) {
        arrive(branch, value, turns)
        return
      }
      if (frame.type === 'iterator') {
        const step = frame.iterator.next(value)
        if (step.done !== true) {
          query = toQuery(step.value)
          continue
        }
        value = step.value
      }
      frames.pop()
      if (frame.type === 'map') value = frame.transform(value)
      else if (frame.type === 'then') query = toQuery(frame.next(value))
      else if (frame.type === 'with') query = nest(value, frame.relations)
      else if (frame.type === 'label') branch.label = frame.outer
    }
  }

  /** Fails everything that was started. */
  doom(error: unknown): void {
    this.#failure ??= { error }
    for (const waiting of [...this.#taken, ...this.#requests, ...this.#parked]) abandonAll(waiting, error)
    this.#taken = []
    this.#requests = []
    this.#parked = []
    this.#batches.clear()
  }

  #fail(branch: Branch, error: unknown): void {
    this.doom(throwInto(branch, error))
  }
}

function abandonAll(waiting: Turn | Request | AttemptRequest | ServerRequest | Batch, error: unknown): void {
  for (const branch of waiting instanceof Batch ? waiting.branches : [waiting.branch]) abandon(branch, error)
}

function started(body: Extract<Plan, { type: 'program' }>['body']): Iterator<Queryable, unknown, unknown> {
  const iterator = body()
  if (typeof iterator.next === 'function' && !(Symbol.asyncIterator in iterator)) return iterator
  throw new UsageError(
    'program: expected a generator function, as in program(function* () { … }), not an async one',
  )
}
