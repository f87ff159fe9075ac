/**
 * The interpreter: walks queries until each of their branches waits for a statement, and goes on when the
 * answers come. It knows nothing of connections. It is iterative, a stack of frames for each branch, so that
 * neither long programs nor long chains of `map` and `andThen` use up the call stack.
 */
import type { Attempt } from './attempt.ts'
import { abandon, arrive, type Branch, fork, onlyEnds, type Root, throwInto, type Turn } from './branch.ts'
import { UsageError } from './errors.ts'
import { type Hook, type Plan, type Query, type Queryable, type StatementPlan, toQuery } from './query.ts'
import type { StatementResult } from './result.ts'
import type { ServerFacts } from './server.ts'

/** What is more waits for the next flight, so that what is under way stays bounded. */
export const STATEMENTS_IN_FLIGHT = 512

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
  #requests: (Request | AttemptRequest | ServerRequest)[] = []
  #taken: readonly (Request | AttemptRequest | ServerRequest)[] = []
  #failure: { readonly error: unknown } | undefined
  readonly hooks: Readonly<Record<'commit' | 'rollback', Hook[]>> = { commit: [], rollback: [] }

  /** What doomed the evaluation: the first failure, as its query let it out. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Whether statements wait to be sent. */
  get waiting(): boolean {
    return this.#requests.length > 0
  }

  /** Walks a query up to its first statements; `resolve` or `reject` are told how it ends. */
  start(query: Query<unknown>, resolve: Root['resolve'], reject: Root['reject'], label?: string): void {
    this.#advance({ branch: { frames: [], label, end: { type: 'root', resolve, reject } }, down: query })
  }

  /** The first query that waits to be told of the server. */
  get undecided(): ServerRequest | undefined {
    return this.#requests.find((request) => request.type === 'server')
  }

  /** Goes on with the queries that wait to be told of the server; what they send keeps their place among the others. */
  tellServer(server: ServerFacts): void {
    const requests = this.#requests
    this.#requests = []
    this.#taken = requests
    for (const request of requests) {
      if (this.#failure !== undefined) return
      if (request.type === 'server') this.#choose(request, server)
      else this.#requests.push(request)
    }
  }

  #choose({ branch, choose }: ServerRequest, server: ServerFacts): void {
    try {
      this.#advance({ branch, down: toQuery(choose(server)) })
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

  /** The next statements to send: `limit` at most, and nothing behind one of which nobody knows what it does. */
  take(limit: number): readonly Request[] {
    const taken: Request[] = []
    for (const request of this.#requests) {
      if (request.type !== 'statement' || taken.length === limit) break
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
      this.#advance({ branch, up: plan.decode({ result, rows, label }) })
    } catch (error) {
      this.fail(error, request)
    }
  }

  /** Goes on with the branch that waited for an attempt. */
  resumeAttempt({ branch }: AttemptRequest, outcome: Attempt<unknown>): void {
    this.#advance({ branch, up: outcome })
  }

  /** Fails the branch that waited for `request`, and with it everything that was started. */
  fail(error: unknown, request: Request | AttemptRequest | ServerRequest | undefined): void {
    if (request === undefined) this.doom(error)
    else this.#fail(request.branch, error)
  }

  #advance(turn: Turn): void {
    const turns: Turn[] = [turn]
    for (let next = turns.pop(); next !== undefined; next = turns.pop()) {
      try {
        this.#walk(next, turns)
      } catch (error) {
        this.#fail(next.branch, error)
        return
      }
    }
  }

  /** Walks one branch until it waits or ends; others that it sets going are added to `turns`. */
  #walk(turn: Turn, turns: Turn[]): void {
    const { branch } = turn
    const { frames } = branch
    let query: Query<unknown> | undefined = turn.down
    let value: unknown = turn.down === undefined ? turn.up : undefined
    for (;;) {
      if (query !== undefined) {
        const plan: Plan = query['~plan']
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
          case 'map':
          case 'then':
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
      else if (frame.type === 'label') branch.label = frame.outer
    }
  }

  /** Fails everything that was started. */
  doom(error: unknown): void {
    this.#failure ??= { error }
    for (const { branch } of [...this.#taken, ...this.#requests]) abandon(branch, error)
    this.#taken = []
    this.#requests = []
  }

  #fail(branch: Branch, error: unknown): void {
    this.doom(throwInto(branch, error))
  }
}

function started(body: Extract<Plan, { type: 'program' }>['body']): Iterator<Queryable, unknown, unknown> {
  const iterator = body()
  if (typeof iterator.next === 'function' && !(Symbol.asyncIterator in iterator)) return iterator
  throw new UsageError(
    'program: expected a generator function, as in program(function* () { … }), not an async one',
  )
}
