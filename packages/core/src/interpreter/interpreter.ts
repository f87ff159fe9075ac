/**
 * Interpreter of queries. It runs each branch until it waits for a statement, and resumes it with the answer. It knows no
 * connection. Each branch has a stack of frames of its own instead of recursion: long programs and long chains of `map` and
 * `andThen` cannot overflow the call stack.
 */
import type { Attempt } from '../query/attempt.ts'
import {
  abandonAll,
  type AttemptRequest,
  RequestQueue,
  type Request,
  type ServerRequest,
  type Waiting,
} from './request-queue.ts'
import {
  arrive,
  beginItem,
  type Branch,
  fork,
  type ItemsStep,
  itemsStep,
  onlyEnds,
  type RootEnd,
  throwInto,
  type Step,
} from './branch.ts'
import { UsageError } from '../errors/errors.ts'
import { LoadCache } from './load-cache.ts'
import { type Hook, type Plan, planOf, type Query, type Queryable, toQuery } from '../query/query.ts'
import { nest } from '../query/relation.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import type { ServerFacts } from '../statement/server-facts.ts'
import type { Statement } from '../statement/statement.ts'

export class Interpreter {
  readonly #queue = new RequestQueue()
  readonly #cache: LoadCache
  #failure: { readonly error: unknown } | undefined
  #cause: unknown
  readonly hooks: Readonly<Record<'commit' | 'rollback', Hook[]>> = { commit: [], rollback: [] }

  constructor(cache: LoadCache = new LoadCache()) {
    this.#cache = cache
  }

  /** The first failure, as its query threw it. It dooms all branches. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** The error behind {@link failure}, before a program replaced it. */
  get cause(): unknown {
    return this.#cause
  }

  /** Whether statements wait to be sent. */
  get waiting(): boolean {
    return !this.#queue.isEmpty
  }

  /** Runs a query up to its first statements. Calls `resolve` or `reject` at its end. */
  start(query: Query<unknown>, resolve: RootEnd['resolve'], reject: RootEnd['reject'], label?: string): void {
    this.#advance([{ branch: { frames: [], label, end: { type: 'root', resolve, reject } }, down: query }])
  }

  /** The first query that waits for server facts. */
  get undecided(): ServerRequest | undefined {
    return this.#queue.nextServerDependent
  }

  /** Resumes the queries that wait for server facts. Their statements take their places in the queue. */
  tellServer(server: ServerFacts): void {
    this.#replace((request) => {
      if (request.type === 'server') this.#choose(request, server)
      return request.type === 'server'
    })
  }

  #choose({ branch, choose }: ServerRequest, server: ServerFacts): void {
    try {
      this.#advance([{ branch, down: toQuery(choose(server)) }])
    } catch (error) {
      this.#fail(branch, error)
    }
  }

  /** Takes the next request if it is an attempt. Send nothing else until the attempt has ended. */
  takeAttempt(): AttemptRequest | undefined {
    return this.#queue.takeAttempt()
  }

  /** Takes the next statements to send: at most 512, ending with the first of unknown kind. */
  take(): readonly Request[] {
    this.#fill()
    return this.#queue.take()
  }

  /**
   * Whether no statement can follow those taken last. `computing` permits pure computations (`map`) on their results.
   */
  isOver(options: { readonly computing: boolean }): boolean {
    return !this.waiting && this.#queue.taken.every(({ branch }) => onlyEnds(branch, options.computing))
  }

  /** Resumes the branch that waits for `request`. */
  resume(request: Request, result: StatementResult, rows: readonly unknown[]): void {
    const { branch, label, plan } = request
    try {
      const { statement } = plan
      const value = plan.decode({ result, rows, label, statement })
      this.#cache.invalidate(statement)
      this.#advance([{ branch, up: value }])
    } catch (error) {
      this.fail(error, request)
    }
  }

  /** Invalidates cached loads that `statement`, sent elsewhere, may have made stale; without one, all of them. */
  forget(statement?: Statement): void {
    if (statement === undefined) this.#cache.clear()
    else this.#cache.invalidate(statement)
  }

  /** An interpreter for an attempt, which reads from this one's cache. */
  inner(): Interpreter {
    return new Interpreter(new LoadCache(this.#cache))
  }

  /**
   * Takes over cache and hooks of an {@link inner} interpreter at its end. A failed attempt leaves its `afterRollback` hooks
   * only, and invalidates the loads that it may have changed.
   */
  absorb(inner: Interpreter, succeeded: boolean): void {
    this.#cache.merge(inner.#cache, succeeded)
    for (const hook of inner.hooks.rollback) this.hooks.rollback.push(hook)
    if (!succeeded) return
    for (const hook of inner.hooks.commit) this.hooks.commit.push(hook)
  }

  /** Resumes the branch that waits for an attempt. */
  resumeAttempt({ branch }: AttemptRequest, outcome: Attempt<unknown>): void {
    this.#advance([{ branch, up: outcome }])
  }

  /** Fails the branch that waits for `request`, and with it all started queries. */
  fail(error: unknown, request: Request | AttemptRequest | ServerRequest | undefined): void {
    if (request === undefined) this.doom(error)
    else this.#fail(request.branch, error)
  }

  /** Takes the steps, last one first. */
  #advance(steps: Step[]): void {
    const parked: ItemsStep[] = []
    for (let next = steps.pop(); next !== undefined; next = steps.pop()) {
      try {
        if (!('items' in next)) this.#walk(next, steps)
        else if (this.#queue.hasRoom) beginItem(next, steps)
        else parked.push(next)
      } catch (error) {
        this.#fail(next.branch, error)
        for (const step of [...steps, ...parked]) abandonAll(step, this.#failure?.error)
        return
      }
    }
    // Branches that have begun take precedence over new ones.
    if (parked.length > 0) this.#queue.park(parked)
  }

  /** Begins parked branches while the queue has room. Then batches are complete, and their fetches begin. */
  #fill(): void {
    for (;;) {
      const next = this.#queue.unpark()
      if (next !== undefined) this.#advance([next])
      else if (this.#queue.hasBatches) this.#dispatchBatches()
      else return
    }
  }

  /** Replaces each batch by the first statements of its fetches. */
  #dispatchBatches(): void {
    this.#replace((request) => {
      if (request.type !== 'batch') return false
      this.#queue.close(request)
      this.#advance(request.dispatch())
      return true
    })
  }

  /** Removes each request that `resumed` handles; requests that it adds take the same place in the queue. */
  #replace(resumed: (request: Waiting) => boolean): void {
    for (const request of this.#queue.takeAll()) {
      if (this.#failure !== undefined) abandonAll(request, this.#failure.error)
      else if (!resumed(request)) this.#queue.add(request)
    }
  }

  /** Runs one branch until it waits or ends. Pushes the branches that it forks to `steps`. */
  #walk(step: Exclude<Step, ItemsStep>, steps: Step[]): void {
    const { branch } = step
    const { frames } = branch
    let query: Query<unknown> | undefined = step.down
    let value: unknown = step.down === undefined ? step.up : undefined
    for (;;) {
      if (query !== undefined) {
        const plan: Plan = planOf(query)
        query = undefined
        switch (plan.type) {
          case 'statement':
            this.#queue.add({ type: 'statement', plan, label: branch.label, branch })
            return
          case 'attempt':
            this.#queue.add({ type: 'attempt', source: plan.source, label: branch.label, branch })
            return
          case 'server':
            this.#queue.add({ type: 'server', choose: plan.choose, branch })
            return
          case 'all':
            if (plan.branches.length > 0) {
              fork(branch, plan, steps)
              return
            }
            value = plan.collect([])
            break
          case 'each':
            if (plan.items.length > 0) {
              steps.push(itemsStep(branch, plan))
              return
            }
            value = []
            break
          case 'load': {
            const { label } = branch
            frames.push({ type: 'map', transform: (rows) => plan.pick(rows as readonly unknown[], label) })
            value = this.#cache.find(plan.source, plan.identity)
            if (value === undefined) {
              this.#queue.load(plan, branch, this.#cache)
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
        arrive(branch, value, steps)
        return
      }
      if (frame.type === 'iterator') {
        const result = frame.iterator.next(value)
        if (result.done !== true) {
          query = toQuery(result.value)
          continue
        }
        value = result.value
      }
      frames.pop()
      if (frame.type === 'map') value = frame.transform(value)
      else if (frame.type === 'then') query = toQuery(frame.next(value))
      else if (frame.type === 'with') query = nest(value, frame.relations)
      else if (frame.type === 'label') branch.label = frame.outer
    }
  }

  /** Fails all started queries with `error`, unless they have failed already. */
  doom(error: unknown): void {
    this.#failure ??= { error }
    this.#queue.abandon(error)
  }

  #fail(branch: Branch, error: unknown): void {
    this.#cause ??= error
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
