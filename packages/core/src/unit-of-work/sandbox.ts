/** Sandboxes: units inside a transaction that is rolled back. */
import type { Driver } from '../driver.ts'
import { UsageError } from '../errors/errors.ts'
import { nameOf } from '../errors/unit-identity.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import type { Executor } from '../executor/executor.ts'
import type {
  LeasedSource,
  LeaseRequest,
  OpenRequest,
  TransactionSource,
  Turn,
} from '../transaction/transaction-source.ts'
import { SandboxLease } from './sandbox-lease.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { RowStream } from '../executor/row-stream.ts'
import { NestedTransaction } from '../transaction/nested-transaction.ts'
import type { TransactionHandle } from '../transaction/transaction.ts'

/** Runs units one after the other, each behind a savepoint of one transaction that is rolled back in the end. */
export class Sandbox implements TransactionSource {
  readonly driver: Driver
  readonly sandboxed = true
  readonly #scheduler: Scheduler
  readonly #end = new AbortController()
  /** The unit that keeps its turn until its holder ends it. */
  #holder: string | undefined

  constructor(driver: Driver, scheduler: Scheduler) {
    this.driver = driver
    this.#scheduler = scheduler
  }

  get ended(): AbortSignal {
    return this.#end.signal
  }

  /** The reason why the sandbox can run nothing now. */
  get refusal(): UsageError | undefined {
    if (this.#holder === undefined) return undefined
    return new UsageError(
      `a sandbox was used while ${this.#holder} holds its only connection: end that first, or use it`,
    )
  }

  /** Refuses further units, and rolls back those that are held. */
  end(): void {
    this.#end.abort()
  }

  async turn<T>(work: () => Promise<T>, { unit, held }: Pick<Turn, 'unit' | 'held'>): Promise<T> {
    if (this.ended.aborted) throw new UsageError('the sandbox has ended: await every unit inside of it')
    if (this.#scheduler.streaming) {
      throw new UsageError('a unit of a sandbox was run within the loop of its q.stream: end the loop first')
    }
    if (this.refusal !== undefined) throw this.refusal
    if (held) this.#holder = nameOf(unit)
    try {
      return await this.#scheduler.exclusively(async () => {
        const { failure } = this.#scheduler
        if (failure === undefined) return work()
        throw new UsageError('the sandbox has failed (see cause): it runs no further units', {
          cause: failure.error,
        })
      })
    } finally {
      if (held) this.#holder = undefined
    }
  }

  async open({ event }: OpenRequest): Promise<TransactionHandle> {
    return new NestedTransaction(await this.#scheduler.open(), this.#scheduler, event)
  }

  lease({ unit, name }: LeaseRequest): Promise<LeasedSource> {
    return Promise.resolve(new SandboxLease(this, unit, name))
  }

  /** Does nothing: the sandbox ends by itself. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}

const INSIDE = 'the q of a sandbox was used inside of a unit of it: use the q of that unit'

/** The `q` of a sandbox. Inside a unit it is refused, because it would wait for the end of that unit. */
export function outside(q: Executor, sandbox: Sandbox, inside: () => boolean): Executor {
  const refusal = (): UsageError | undefined => (inside() ? new UsageError(INSIDE) : sandbox.refusal)
  const refused = (): Promise<never> | undefined => {
    const error = refusal()
    return error === undefined ? undefined : Promise.reject(error)
  }
  const guarded = (query: Queryable): Promise<unknown> => refused() ?? q(query)
  const all = (queries: readonly Queryable[]): Promise<unknown> => refused() ?? q.all(queries)
  const stream = (query: RowsQueryable): RowStream<unknown> =>
    new RowStream(() => {
      const error = refusal()
      if (error !== undefined) throw error
      return RowStream.sourceOf(q.stream(query))
    })
  return Object.assign(guarded, { all, stream, attempt: q.attempt }) as Executor
}
