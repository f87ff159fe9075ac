/**
 * The interpreter: walks queries until each of their branches waits for a statement, and goes on when the
 * answers come. It knows nothing of connections. It is iterative, a stack of frames for each branch, so that
 * neither long programs nor long chains of `map` and `andThen` use up the call stack.
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
  type ItemsTurn,
  itemsTurn,
  onlyEnds,
  type Root,
  throwInto,
  type Turn,
} from './branch.ts'
import { UsageError } from '../errors/errors.ts'
import { LoadCache } from './load-cache.ts'
import { type Hook, type Plan, planOf, type Query, type Queryable, toQuery } from '../query/query.ts'
import { nest } from '../query/relation.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import type { ServerFacts } from '../statement/server-facts.ts'
import type { Statement } from '../statement/statement.ts'

export class Interpreter {
  readonly #backlog = new RequestQueue()
  readonly #memory: LoadCache
  #failure: { readonly error: unknown } | undefined
  #cause: unknown
  readonly hooks: Readonly<Record<'commit' | 'rollback', Hook[]>> = { commit: [], rollback: [] }

  constructor(memory: LoadCache = new LoadCache()) {
    this.#memory = memory
  }

  /** What doomed the evaluation: the first failure, as its query let it out. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** The error behind the failure, before a program has put another in its place. */
  get cause(): unknown {
    return this.#cause
  }

  /** Whether statements wait to be sent. */
  get waiting(): boolean {
    return !this.#backlog.isEmpty
  }

  /** Walks a query up to its first statements; `resolve` or `reject` are told how it ends. */
  start(query: Query<unknown>, resolve: Root['resolve'], reject: Root['reject'], label?: string): void {
    this.#advance([{ branch: { frames: [], label, end: { type: 'root', resolve, reject } }, down: query }])
  }

  /** The first query that waits to be told of the server. */
  get undecided(): ServerRequest | undefined {
    return this.#backlog.undecided
  }

  /** Goes on with the queries that wait to be told of the server; what they send keeps their place among the others. */
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

  /** The attempt that is next, if one is. Nothing else must be sent until it has ended. */
  takeAttempt(): AttemptRequest | undefined {
    return this.#backlog.takeAttempt()
  }

  /** The next statements to send, a bounded number, and nothing behind one of which nobody knows what it does. */
  take(): readonly Request[] {
    this.#fill()
    return this.#backlog.take()
  }

  /**
   * Whether nothing can come after the statements taken last: no further step, and no computation on their
   * results either unless `computing` is allowed for.
   */
  isOver(options: { readonly computing: boolean }): boolean {
    return !this.waiting && this.#backlog.taken.every(({ branch }) => onlyEnds(branch, options.computing))
  }

  /** Goes on with the branch that waited for `request`. */
  resume(request: Request, result: StatementResult, rows: readonly unknown[]): void {
    const { branch, label, plan } = request
    try {
      const { statement } = plan
      const value = plan.decode({ result, rows, label, statement })
      this.#memory.ran(statement)
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
  inner(): Interpreter {
    return new Interpreter(new LoadCache(this.#memory))
  }

  /**
   * Takes over from an {@link inner} one that has ended: what it knows, and its hooks; of one that has not succeeded those for
   * the case that the unit doesn't, either.
   */
  absorb(inner: Interpreter, succeeded: boolean): void {
    this.#memory.absorb(inner.#memory, succeeded)
    for (const hook of inner.hooks.rollback) this.hooks.rollback.push(hook)
    if (!succeeded) return
    for (const hook of inner.hooks.commit) this.hooks.commit.push(hook)
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
    const parked: ItemsTurn[] = []
    for (let next = turns.pop(); next !== undefined; next = turns.pop()) {
      try {
        if (!('items' in next)) this.#walk(next, turns)
        else if (this.#backlog.hasRoom) beginItem(next, turns)
        else parked.push(next)
      } catch (error) {
        this.#fail(next.branch, error)
        for (const turn of [...turns, ...parked]) abandonAll(turn, this.#failure?.error)
        return
      }
    }
    // Begun branches go on before others begin.
    if (parked.length > 0) this.#backlog.park(parked)
  }

  /** Begins branches that wait for room while there is some, and sends the batches off: nobody else will add to them. */
  #fill(): void {
    for (;;) {
      const next = this.#backlog.unpark()
      if (next !== undefined) this.#advance([next])
      else if (this.#backlog.hasBatches) this.#depart()
      else return
    }
  }

  /** Puts in the place of each batch the first statements of its fetches. */
  #depart(): void {
    this.#replace((request) => {
      if (request.type !== 'batch') return false
      this.#backlog.close(request)
      this.#advance(request.depart())
      return true
    })
  }

  /** Has each request that `go` goes on with replaced by what comes of it. */
  #replace(go: (request: Waiting) => boolean): void {
    for (const request of this.#backlog.takeAll()) {
      if (this.#failure !== undefined) abandonAll(request, this.#failure.error)
      else if (!go(request)) this.#backlog.add(request)
    }
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
            this.#backlog.add({ type: 'statement', plan, label: branch.label, branch })
            return
          case 'attempt':
            this.#backlog.add({ type: 'attempt', source: plan.source, label: branch.label, branch })
            return
          case 'server':
            this.#backlog.add({ type: 'server', choose: plan.choose, branch })
            return
          case 'all':
            if (plan.branches.length > 0) {
              fork(branch, plan, turns)
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
              this.#backlog.load(plan, branch, this.#memory)
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
    this.#backlog.abandon(error)
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
