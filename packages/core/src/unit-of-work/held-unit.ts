/** Units that are held by hand: begun, used and ended by the code that holds them. */
import { UsageError } from '../errors/errors.ts'
import { foreignFrames, leadToCaller } from '../errors/stack-trace.ts'
import { nameOf } from '../errors/unit-identity.ts'
import type { UnitEvent } from '../events.ts'
import type { Executor } from '../executor/executor.ts'
import { RowStream } from '../executor/row-stream.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { innerJob } from './job.ts'
import type { HeldUnit } from './unit-of-work.ts'
import type { BeginOptions } from './unit-options.ts'
import type { UnitRunner } from './unit-runner.ts'

/** Ends units whose handles were garbage-collected. */
const forgotten = new FinalizationRegistry<() => void>((end) => end())

/** Errors of uses after the end, which are no failures of the unit. */
const refusals = new WeakSet()

/** See `UnitOfWork.begin`. */
export async function beginUnit(units: UnitRunner, options: BeginOptions): Promise<HeldUnit> {
  const stack = foreignFrames(new Error('begin').stack ?? '').join('\n')
  const begun = Promise.withResolvers<Started>()
  const finish = Promise.withResolvers<void>()
  const job = innerJob((q, scheduler) => {
    begun.resolve({ q, scheduler })
    return finish.promise
  }, undefined)
  const waiting = new AbortController()
  let event: UnitEvent | undefined
  const running = units.run(job, options, 'begin', {
    signal: waiting.signal,
    onEvent: (given) => (event = given),
  })
  // The functions of the handle report its failure.
  running.catch(() => {})
  const started = await Promise.race([begun.promise, running.then(() => begun.promise)])
  const holding = new Holding({ ...started, event: event as UnitEvent, running, finish, waiting })
  const grip: Grip = { holding }
  const onForgotten = (): void => {
    const message = `${holding.name} was begun and never ended: commit it, roll it back, or declare it with await using`
    if (!holding.abandon(new UsageError(message))) return
    process.emitWarning(message, { type: 'LeaseholdForgottenUnitWarning', detail: stack })
  }
  forgotten.register(grip, onForgotten)
  const { ended } = units.source
  ended?.addEventListener('abort', onForgotten)
  running.catch(() => {}).finally(() => ended?.removeEventListener('abort', onForgotten))
  return handleOf(grip)
}

interface Started {
  readonly q: Executor
  readonly scheduler: Scheduler
}

interface Held extends Started {
  readonly event: UnitEvent
  /** The unit, until its hooks have run. */
  readonly running: Promise<unknown>
  /** Ends the body of the unit. */
  readonly finish: PromiseWithResolvers<void>
  /** Ends the wait for a connection. */
  readonly waiting: AbortController
}

/** Referred to by every function of a handle, and by nothing else: once it is garbage, no holder is left. */
interface Grip {
  readonly holding: Holding
}

function handleOf(grip: Grip): HeldUnit {
  /** A failure ends the unit, and is the one that the unit ends with. */
  const guarded = async (work: (q: Executor) => Promise<unknown>): Promise<unknown> => {
    try {
      return await grip.holding.use(work)
    } catch (error) {
      throw await grip.holding.failed(error)
    }
  }
  const stream = (query: RowsQueryable): RowStream<unknown> =>
    new RowStream(() => {
      const { batches, failure } = grip.holding.stream(query)
      return { batches: endingWith(grip, batches), failure }
    })
  return Object.assign((query: Queryable) => guarded((q) => q(query)), {
    all: (queries: readonly Queryable[]) => guarded((q) => q.all(queries)),
    stream,
    attempt: 1,
    commit: () => grip.holding.commit(),
    rollback: () => grip.holding.rollback(),
    [Symbol.asyncDispose]: () => grip.holding.dispose(),
  }) as HeldUnit
}

async function* endingWith(
  grip: Grip,
  batches: AsyncGenerator<readonly unknown[], void, undefined>,
): AsyncGenerator<readonly unknown[], void, undefined> {
  try {
    yield* batches
  } catch (error) {
    throw await grip.holding.failed(error)
  }
}

/** How a unit has ended, or is ending, and when. */
interface End {
  how: 'being committed' | 'committed' | 'rolled back' | 'ended by its failure, see cause,'
  readonly at: number
  readonly cause?: unknown
}

/** A unit from `begin` to its end. */
class Holding {
  readonly #held: Held
  /** Queries that were asked for and have no answer. */
  #pending = 0
  #end: End | undefined

  constructor(held: Held) {
    this.#held = held
    held.running.catch((cause: unknown) => this.#noteFailure(cause))
  }

  get name(): string {
    return nameOf(this.#held.event.unit)
  }

  /** Runs queries. Rejects with their failure, or with a `UsageError` after the end. */
  async use(work: (q: Executor) => Promise<unknown>): Promise<unknown> {
    this.#assertOpen()
    this.#pending += 1
    try {
      return await work(this.#held.q)
    } finally {
      this.#pending -= 1
    }
  }

  /** Throws a `UsageError` after the end. */
  stream(query: RowsQueryable): ReturnType<typeof RowStream.sourceOf> {
    this.#assertOpen()
    return RowStream.sourceOf(this.#held.q.stream(query))
  }

  /**
   * The error to report for the failure of a query: that of the unit, once it is rolled back. Only then it is known whether
   * raw SQL has committed something.
   */
  async failed(error: unknown): Promise<unknown> {
    if (refusals.has(error as object)) return error
    this.#held.finish.reject(error)
    try {
      await this.#held.running
      return error
    } catch (told) {
      return leadToCaller(told)
    }
  }

  /** Rolls the unit back for this reason; false if it has ended. */
  abandon(reason: UsageError): boolean {
    if (this.#end !== undefined) return false
    this.#finishWith(reason)
    return true
  }

  async commit(): Promise<void> {
    if (this.#end?.cause !== undefined) throw leadToCaller(this.#end.cause as Error)
    this.#assertOpen()
    const end: End = { how: 'being committed', at: performance.now() }
    this.#end = end
    this.#held.finish.resolve()
    try {
      await this.#held.running
      end.how = 'committed'
    } catch (error) {
      throw leadToCaller(error)
    }
  }

  /** Rejects with a `UsageError` after a COMMIT alone: what failed is rolled back. */
  async rollback(): Promise<void> {
    if (this.#end?.how === 'committed' || this.#end?.how === 'being committed') this.#assertOpen()
    await this.dispose()
  }

  /** Never rejects: a connection that cannot roll back is closed. */
  async dispose(): Promise<void> {
    if (this.#end === undefined) {
      this.#end = { how: 'rolled back', at: performance.now() }
      this.#finishWith(new UsageError(`${this.name} was rolled back by its holder`))
    }
    // A hook of the unit may dispose of it.
    if (this.#held.event.outcome === undefined) await this.#held.running.catch(() => {})
  }

  #finishWith(reason: UsageError): void {
    const { finish, scheduler, waiting } = this.#held
    finish.reject(reason)
    if (this.#pending > 0 && scheduler.transaction === undefined) waiting.abort(reason)
  }

  #noteFailure(cause: unknown): void {
    if (this.#end?.how === 'rolled back') return
    this.#end = { how: 'ended by its failure, see cause,', at: this.#end?.at ?? performance.now(), cause }
  }

  #assertOpen(): void {
    if (this.#end === undefined) return
    const { how, at, cause } = this.#end
    const ago = Math.round(performance.now() - at)
    const error = new UsageError(
      `${this.name} was used after its end: it was ${how} ${ago} ms ago; begin another one`,
      cause === undefined ? {} : { cause },
    )
    refusals.add(error)
    throw error
  }
}
