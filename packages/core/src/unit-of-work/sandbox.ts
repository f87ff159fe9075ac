/** Sandboxes: units inside a transaction that is rolled back. */
import type { Driver } from '../driver.ts'
import { UsageError } from '../errors/errors.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import type { Executor } from '../executor/executor.ts'
import type {
  LeasedSource,
  LeaseRequest,
  OpenRequest,
  TransactionSource,
} from '../transaction/transaction-source.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { RowStream } from '../executor/row-stream.ts'
import { NestedTransaction } from '../transaction/nested-transaction.ts'
import type { TransactionHandle } from '../transaction/transaction.ts'

/** Runs units one after the other, each behind a savepoint of one transaction that is rolled back in the end. */
export class Sandbox implements TransactionSource {
  readonly driver: Driver
  readonly sandboxed = true
  readonly #scheduler: Scheduler
  #ended = false

  constructor(driver: Driver, scheduler: Scheduler) {
    this.driver = driver
    this.#scheduler = scheduler
  }

  /** Refuses further units. */
  end(): void {
    this.#ended = true
  }

  async turn<T>(unit: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new UsageError('the sandbox has ended: await every unit inside of it')
    if (this.#scheduler.streaming) {
      throw new UsageError('a unit of a sandbox was run within the loop of its q.stream: end the loop first')
    }
    return this.#scheduler.exclusively(async () => {
      const { failure } = this.#scheduler
      if (failure === undefined) return unit()
      throw new UsageError('the sandbox has failed (see cause): it runs no further units', {
        cause: failure.error,
      })
    })
  }

  async open({ event }: OpenRequest): Promise<TransactionHandle> {
    return new NestedTransaction(await this.#scheduler.open(), this.#scheduler, event)
  }

  /** The units of a lease are units of the sandbox, and share its connection with the others. */
  lease({ name }: LeaseRequest): Promise<LeasedSource> {
    const open = (request: OpenRequest): Promise<TransactionHandle> => this.open(request)
    let ended = false
    return Promise.resolve({
      driver: this.driver,
      sandboxed: true,
      turn: (unit) => {
        if (ended) throw new UsageError(`${name} was used after its end: take another one`)
        return this.turn(unit)
      },
      open,
      lease: () => Promise.reject(new UsageError(`lease was called on ${name}, which is one`)),
      native: () =>
        Promise.reject(
          new UsageError(
            'native was called in a sandbox, whose transaction it could end: use the unit of work',
          ),
        ),
      async end(last) {
        if (ended) return
        ended = true
        await last(open).catch(() => {})
      },
      close: () => Promise.resolve(),
    })
  }

  /** Does nothing: the sandbox ends by itself. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}

const INSIDE = 'the q of a sandbox was used inside of a unit of it: use the q of that unit'

/** The `q` of a sandbox. Inside a unit it is refused, because it would wait for the end of that unit. */
export function outside(q: Executor, inside: () => boolean): Executor {
  const refused = (): Promise<never> | undefined =>
    inside() ? Promise.reject(new UsageError(INSIDE)) : undefined
  const guarded = (query: Queryable): Promise<unknown> => refused() ?? q(query)
  const all = (queries: readonly Queryable[]): Promise<unknown> => refused() ?? q.all(queries)
  const stream = (query: RowsQueryable): RowStream<unknown> =>
    new RowStream(() => {
      if (inside()) throw new UsageError(INSIDE)
      return RowStream.sourceOf(q.stream(query))
    })
  return Object.assign(guarded, { all, stream, attempt: q.attempt }) as Executor
}
