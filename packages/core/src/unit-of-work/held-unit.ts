/** Units that are held by hand: begun, used and ended by the code that holds them. */
import { UsageError } from '../errors/errors.ts'
import { leadToCaller } from '../errors/stack-trace.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'
import type { Executor } from '../executor/executor.ts'
import { RowStream } from '../executor/row-stream.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { innerJob } from './job.ts'
import type { BeginOptions, HeldUnit } from './unit-of-work.ts'
import type { UnitRunner } from './unit-runner.ts'

/** Ends units whose handles were garbage-collected. */
const forgotten = new FinalizationRegistry<() => void>((end) => end())

/** See `UnitOfWork.begin`. */
export async function beginUnit(units: UnitRunner, options: BeginOptions): Promise<HeldUnit> {
  const place: { readonly stack?: string } = {}
  Error.captureStackTrace(place, beginUnit)
  const begun = Promise.withResolvers<Executor>()
  const finish = Promise.withResolvers<void>()
  const job = innerJob((q) => {
    begun.resolve(q)
    return finish.promise
  }, undefined)
  let unit: UnitIdentity = { id: 0, label: undefined }
  const running = units.run(job, options, 'begin', (identity) => (unit = identity))
  // The functions of the handle report its failure.
  running.catch(() => {})
  const q = await Promise.race([begun.promise, running.then(() => begun.promise)])
  const holding = new Holding(q, unit, running, finish)
  const handle = holding.handle()
  const onForgotten = (): void => {
    const error = new UsageError(
      `${nameOf(unit)} was begun and never ended: commit it, roll it back, or declare it with await using`,
    )
    if (!holding.abandon(error)) return
    process.emitWarning(error.message, { type: 'LeaseholdForgottenUnitWarning', detail: place.stack ?? '' })
  }
  forgotten.register(handle, onForgotten)
  return handle
}

/** A unit from `begin` to its end. It must not refer to its handle, whose loss ends it. */
class Holding {
  readonly #q: Executor
  readonly #unit: UnitIdentity
  readonly #running: Promise<unknown>
  readonly #finish: PromiseWithResolvers<void>
  /** How it has ended, or is ending, and when. */
  #end: { how: string; readonly at: number; cause?: unknown } | undefined

  constructor(
    q: Executor,
    unit: UnitIdentity,
    running: Promise<unknown>,
    finish: PromiseWithResolvers<void>,
  ) {
    this.#q = q
    this.#unit = unit
    this.#running = running
    this.#finish = finish
    running.catch((cause: unknown) => {
      this.#end ??= { how: 'rolled back, see cause,', at: performance.now(), cause }
    })
  }

  handle(): HeldUnit {
    const run = (query: Queryable): Promise<unknown> => this.#refusal() ?? this.#q(query)
    const dispose = (): Promise<void> => (this.#end === undefined ? this.#rollback() : this.#settled())
    return Object.assign(run, {
      all: (queries: readonly Queryable[]): Promise<unknown> => this.#refusal() ?? this.#q.all(queries),
      stream: (query: RowsQueryable) =>
        new RowStream(() => {
          const refused = this.#usedAfterEnd()
          if (refused !== undefined) throw refused
          return RowStream.sourceOf(this.#q.stream(query))
        }),
      attempt: 1,
      commit: () => this.#refusal() ?? this.#commit(),
      rollback: () => this.#refusal() ?? this.#rollback(),
      [Symbol.asyncDispose]: dispose,
    }) as HeldUnit
  }

  /** Rolls the unit back for this reason; false if it has ended. */
  abandon(reason: UsageError): boolean {
    if (this.#end !== undefined) return false
    this.#finish.reject(reason)
    return true
  }

  async #commit(): Promise<void> {
    const end = { how: 'being committed', at: performance.now() }
    this.#end = end
    this.#finish.resolve()
    try {
      await this.#running
      end.how = 'committed'
    } catch (error) {
      Object.assign(end, { how: 'ended by its failing commit, see cause,', cause: error })
      throw leadToCaller(error)
    }
  }

  /** Never rejects: a connection that cannot roll back is closed. */
  #rollback(): Promise<void> {
    this.#end = { how: 'rolled back', at: performance.now() }
    this.#finish.reject(new UsageError('the unit was rolled back by its holder'))
    return this.#settled()
  }

  async #settled(): Promise<void> {
    await this.#running.catch(() => {})
  }

  #refusal(): Promise<never> | undefined {
    const error = this.#usedAfterEnd()
    return error === undefined ? undefined : Promise.reject(error)
  }

  #usedAfterEnd(): UsageError | undefined {
    if (this.#end === undefined) return undefined
    const { how, at, cause } = this.#end
    const ago = Math.round(performance.now() - at)
    return new UsageError(
      `${nameOf(this.#unit)} was used after its end: it was ${how} ${ago} ms ago; begin another one`,
      cause === undefined ? {} : { cause },
    )
  }
}
