/** Units in the asynchronous context of the code that they run. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { UsageError } from '../errors/errors.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'
import type { UnitAccess, UnitEvent } from '../events.ts'
import type { Executor } from '../executor/executor.ts'
import { RowStream } from '../executor/row-stream.ts'
import { assertFunction, assertOptions, type OptionChecks } from '../options/check-options.ts'
import { fail } from '../query/combinators.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { runnerOf } from '../unit-of-work/create-unit-of-work.ts'
import { nameOfBody } from '../unit-of-work/job.ts'
import type { UnitOfWork } from '../unit-of-work/unit-of-work.ts'
import type { ReadOptions, RunOptions } from '../unit-of-work/unit-options.ts'
import { assertJoinable } from './joining.ts'

/** How `run` and `read` behave inside of a unit: `refuse` is a `UsageError`; `join` makes their work a part of that unit. */
export type Nesting = 'refuse' | 'join'

export interface AmbientOptions {
  /** Default: `refuse`. */
  readonly nested?: Nesting | undefined
}

/** The unit that the calling code is in. */
export interface AmbientUnit extends UnitIdentity {
  /** The number of this attempt at the unit, from 1. */
  readonly attempt: number
}

export interface AmbientUnits {
  /**
   * Runs `work` in one transaction, as `uow.run` does. Code that it calls, at any depth, finds the unit by `q`. Inside of
   * a unit see {@link Nesting}; a joined `work` that rejects fails the whole unit, also if its caller catches the error.
   */
  run<T>(work: () => Promise<T>, options?: RunOptions): Promise<T>
  /** Runs `work` in a read-only transaction, as `uow.read` does. The server refuses writes. */
  read<T>(work: () => Promise<T>, options?: ReadOptions): Promise<T>
  /**
   * The executor of the unit that the calling code is in. It rejects with a `UsageError` outside of units, after the end of
   * the unit, and in a unit of another unit of work. It never uses another connection instead.
   */
  readonly q: Executor
  /** The unit that the calling code is in; `undefined` outside of units, and after its end. */
  readonly current: AmbientUnit | undefined
  /** Calls `work` outside of the unit: for background work, which may outlive it and needs units of its own. */
  detach<T>(work: () => T): T
}

/** A unit, as its context carries it. */
interface Scope {
  readonly owner: object
  readonly q: Executor
  readonly event: UnitEvent
  readonly options: RunOptions
  /** When its work was done; `undefined` before. */
  endedAt: number | undefined
}

const scopes = new AsyncLocalStorage<Scope>()

const OPTIONS: OptionChecks<keyof AmbientOptions> = { nested: ['refuse', 'join'] }

/**
 * Units that code finds by its asynchronous context, in place of a `q` that is handed down. The context reaches all that
 * the work of a unit awaits. Code that loses it, or outlives the unit, gets an error instead of another connection.
 *
 * @example
 * ```ts
 * import { ambient } from '@leasehold/core/ambient'
 * const units = ambient(uow, { nested: 'join' })
 * const pay = (id: number, cents: number) => units.q(accounts.patch(id, { cents }))
 * await units.run(async () => {
 *   await pay(1, 700)
 *   await pay(2, 300)
 * })
 * ```
 *
 * @throws {UsageError} for an unknown or invalid option.
 */
export function ambient(uow: UnitOfWork, options: AmbientOptions = {}): AmbientUnits {
  assertOptions('ambient', options, OPTIONS)
  return new Ambient(uow, options.nested ?? 'refuse').units()
}

class Ambient {
  readonly #nesting: Nesting
  readonly #runner: ReturnType<typeof runnerOf>

  constructor(uow: UnitOfWork, nesting: Nesting) {
    this.#nesting = nesting
    this.#runner = runnerOf(uow)
  }

  units(): AmbientUnits {
    const q = async (query: Queryable): Promise<unknown> => this.#scope('q').q(query)
    const attempt = { get: () => this.#scope('q.attempt').q.attempt, enumerable: true }
    const executor = Object.assign(q, {
      all: async (queries: readonly Queryable[]) => this.#scope('q.all').q.all(queries),
      stream: (query: RowsQueryable) =>
        new RowStream(() => RowStream.sourceOf(this.#scope('q.stream').q.stream(query))),
    })
    const current = { get: () => this.#current(), enumerable: true }
    const units = {
      run: (work: () => Promise<unknown>, options: RunOptions = {}) => this.#run('run', work, options),
      read: (work: () => Promise<unknown>, options: ReadOptions = {}) => this.#run('read', work, options),
      q: Object.defineProperty(executor, 'attempt', attempt),
      detach: <T>(work: () => T): T => scopes.exit(() => this.#runner.leave(work)),
    }
    return Object.freeze(Object.defineProperty(units, 'current', current)) as unknown as AmbientUnits
  }

  async #run(access: 'run' | 'read', work: () => Promise<unknown>, options: RunOptions): Promise<unknown> {
    assertFunction(access, work, `units.${access}(() => placeOrder(order))`)
    const outer = scopes.getStore()
    if (outer !== undefined && outer.owner === this.#runner.family && outer.endedAt === undefined) {
      return this.#nested(outer, access, work, options)
    }
    let event: UnitEvent | undefined
    const body = async (q: Executor): Promise<unknown> => {
      const scope: Scope = {
        owner: this.#runner.family,
        q,
        event: event as UnitEvent,
        options,
        endedAt: undefined,
      }
      try {
        return await scopes.run(scope, work)
      } finally {
        scope.endedAt = performance.now()
      }
    }
    const job = { type: 'body', body, label: nameOfBody(work) } as const
    return this.#runner.run(job, options, access, { onEvent: (given) => (event = given) })
  }

  async #nested(
    outer: Scope,
    access: Extract<UnitAccess, 'run' | 'read'>,
    work: () => Promise<unknown>,
    options: RunOptions,
  ): Promise<unknown> {
    const name = nameOf(outer.event.unit)
    if (this.#nesting === 'refuse') {
      throw new UsageError(
        `${access} was called inside ${name}: call the function itself, or make its units with ambient(uow, { nested: 'join' })`,
      )
    }
    assertJoinable({ name, access: outer.event.access, options: outer.options }, { access, options })
    try {
      return await work()
    } catch (error) {
      // What the work has done cannot be told from the rest of the unit, so none of it may be committed.
      await outer.q(fail(error as Error)).catch(() => {})
      throw error
    }
  }

  /** The scope of the calling code. */
  #scope(use: string): Scope {
    const scope = scopes.getStore()
    if (scope === undefined) {
      throw new UsageError(
        `${use} was used outside of a unit: call it in a function that units.run is given. A context does not reach callbacks ` +
          'of emitters, pools and queues that were set up outside of the unit',
      )
    }
    const name = nameOf(scope.event.unit)
    if (scope.owner !== this.#runner.family) {
      throw new UsageError(
        `${use} was used inside ${name}, which belongs to another unit of work: use the q of that one`,
      )
    }
    if (scope.endedAt === undefined) return scope
    const ago = Math.round(performance.now() - scope.endedAt)
    const { outcome } = scope.event
    const how =
      outcome === undefined
        ? 'began to end'
        : outcome === 'unknown'
          ? 'ended, with an unknown outcome,'
          : `was ${outcome}`
    throw new UsageError(
      `${use} was used after ${name} had ended: it ${how} ${ago} ms ago. Await all work inside of it, or give background work ` +
        'units of its own in units.detach',
    )
  }

  #current(): AmbientUnit | undefined {
    const scope = scopes.getStore()
    if (scope === undefined || scope.owner !== this.#runner.family || scope.endedAt !== undefined)
      return undefined
    return { ...scope.event.unit, attempt: scope.q.attempt }
  }
}
