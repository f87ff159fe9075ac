/** One lease for several units, which run one after the other. */
import type { Driver } from '../driver.ts'
import { AcquireError, ConnectionLostError, UsageError } from '../errors/errors.ts'
import { foreignFrames } from '../errors/stack-trace.ts'
import { nameOf } from '../errors/unit-identity.ts'
import type { Lease, LeaseHandle } from './lease.ts'
import { Transaction, type TransactionHandle } from './transaction.ts'
import type { LeasedSource, OpenRequest, Turn } from './transaction-source.ts'

interface Forgotten {
  readonly lease: Lease
  readonly name: string
  readonly stack: string
}

/** Gives back leases whose handles were garbage-collected. A unit that runs on one refers to it. */
const forgotten = new FinalizationRegistry<Forgotten>(({ lease, name, stack }) => {
  lease.release('after its handle was garbage-collected')
  process.emitWarning(`${name} was never given back: close it, or declare it with await using`, {
    type: 'LeaseholdForgottenLeaseWarning',
    detail: stack,
  })
})

export class SharedLease implements LeasedSource {
  readonly driver: Driver
  readonly sandboxed = false
  readonly #lease: Lease
  readonly #name: string
  /** Settled when the turns so far are over. */
  #turns: Promise<unknown> = Promise.resolve()
  /** The units that run or wait. */
  #pending = 0
  /** The unit, stream or borrower that keeps its turn until its holder ends it. */
  #holder: string | undefined
  #lost: Error | undefined
  #endedAt: number | undefined
  #ending: Promise<void> | undefined

  /** Owns the lease until {@link end}. `name` is that of the lease in messages. */
  constructor(driver: Driver, lease: Lease, name: string) {
    this.driver = driver
    this.#lease = lease
    this.#name = name
    const stack = foreignFrames(new Error(name).stack ?? '').join('\n')
    forgotten.register(this, { lease, name, stack }, this)
  }

  turn<T>(work: () => Promise<T>, { unit, held, signal }: Turn): Promise<T> {
    this.#assertUsable()
    return this.#queue(work, held ? nameOf(unit) : undefined, signal)
  }

  open({ event, options }: OpenRequest): Promise<TransactionHandle> {
    if (this.#lost !== undefined) return Promise.reject(this.#lostError(this.#lost))
    return Promise.resolve(new Transaction(this.#share(), options, event))
  }

  /** Refused: `name` says what was asked for. */
  lease(): Promise<never> {
    return Promise.reject(
      new UsageError(`lease was called on ${this.#name}, which is one: run the units on it`),
    )
  }

  async native<T>(use: (connection: unknown) => Promise<T>): Promise<T> {
    this.#assertUsable()
    if (this.#pending > 0) {
      throw new UsageError(`native was called while a unit runs on ${this.#name}: await the unit first`)
    }
    const lend = async (): Promise<T> => {
      if (this.#lost !== undefined) throw this.#lostError(this.#lost)
      try {
        return await this.#lease.native(use)
      } catch (error) {
        if (error instanceof ConnectionLostError) this.#discard(error)
        throw error
      }
    }
    return this.#queue(lend, 'the function that native was called with', undefined)
  }

  end(last: (open: LeasedSource['open']) => Promise<void>): Promise<void> {
    this.#endedAt ??= performance.now()
    this.#ending ??= this.#end(last)
    return this.#ending
  }

  /** Does nothing: the driver belongs to the unit of work. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  async #end(last: (open: LeasedSource['open']) => Promise<void>): Promise<void> {
    await this.#turns
    if (this.#lost !== undefined) return
    try {
      await last((request) => this.open(request))
    } catch (error) {
      if (this.#lost === undefined) this.#discard(error as Error)
    }
    if (this.#lost !== undefined) return
    forgotten.unregister(this)
    this.#lease.release('at its end')
  }

  #queue<T>(unit: () => Promise<T>, holder: string | undefined, signal: AbortSignal | undefined): Promise<T> {
    const before = this.#turns
    this.#pending += 1
    this.#holder = holder
    const turn = reached(before, signal)
      .then(unit)
      .finally(() => {
        this.#pending -= 1
        if (holder !== undefined) this.#holder = undefined
      })
    this.#turns = Promise.allSettled([before, turn])
    return turn
  }

  /** The lease as the transaction of one unit sees it. */
  #share(): LeaseHandle {
    const lease = this.#lease
    let over = false
    return {
      session: lease.session,
      fly: (commands, onLast) => lease.fly(commands, onLast),
      stream: (command, ahead, onEnd) => lease.stream(command, ahead, onEnd),
      interrupt: () => {
        if (!over) lease.interrupt()
      },
      release: (_where, transaction) => {
        over = true
        lease.renew(transaction)
      },
      discard: (reason) => {
        over = true
        this.#discard(reason)
      },
    }
  }

  #discard(reason: Error): void {
    this.#lost = reason
    forgotten.unregister(this)
    this.#lease.discard(reason)
  }

  #assertUsable(): void {
    if (this.#endedAt !== undefined) {
      const ago = Math.round(performance.now() - this.#endedAt)
      throw new UsageError(
        `${this.#name} was used after its end: it was closed ${ago} ms ago; take another one`,
      )
    }
    if (this.#holder === undefined) return
    throw new UsageError(
      `${this.#name} was used while ${this.#holder} holds its only connection: end that first, or use the unit of work`,
    )
  }

  #lostError(cause: Error): AcquireError {
    return new AcquireError(
      'lost',
      `${this.#name} has lost its connection, with its locks, variables and temporary tables: take another lease`,
      { cause },
    )
  }
}

/** Resolves with `turn`, or as soon as `signal` is aborted: a stopped unit sends nothing, whoever's turn it is. */
function reached(turn: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return turn
  if (signal.aborted) return Promise.resolve()
  const aborted = Promise.withResolvers<void>()
  const stop = (): void => aborted.resolve()
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([turn, aborted.promise]).finally(() => signal.removeEventListener('abort', stop))
}
