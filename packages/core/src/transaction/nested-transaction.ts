import type { Answer } from '../driver.ts'
import {
  type CommitUnknownError,
  type ImplicitCommitError,
  LeaseholdError,
  StatementError,
} from '../errors/errors.ts'
import type { UnitEvent } from '../events.ts'
import type { ServerFacts } from '../statement/server-facts.ts'
import type { Sendable } from './integrity.ts'
import type { Scope } from './transaction.ts'

/** Whoever has the transaction in which a scope is. */
export interface ScopeOwner {
  /** What it failed with, so that nothing of it is left. */
  readonly failure: { readonly error: unknown } | undefined
  /** Has nothing more sent. */
  doom(error: unknown): void
}

/**
 * A unit inside of another's transaction: what commits is kept until that one ends, what rolls back does so to a
 * savepoint. Where that can't be done, because the server has ended the transaction, the owner is doomed.
 */
export class NestedTransaction implements Scope {
  readonly #outer: Scope
  readonly #owner: ScopeOwner
  readonly #event: UnitEvent
  readonly #savepoint: string
  /** The first error that the server answered. */
  #refusal: LeaseholdError | undefined
  #stopped = false

  constructor(outer: Scope, owner: ScopeOwner, event: UnitEvent) {
    this.#outer = outer
    this.#owner = owner
    this.#event = event
    this.#savepoint = outer.savepoint()
  }

  get server(): ServerFacts {
    return this.#outer.server
  }

  get wrote(): boolean {
    return this.#outer.wrote
  }

  get mayHaveCommitted(): boolean {
    return this.#outer.mayHaveCommitted
  }

  doubtBehind(cause: Error): ImplicitCommitError | undefined {
    return this.#outer.doubtBehind(cause)
  }

  get ended(): StatementError | undefined {
    return this.#outer.ended
  }

  get unknown(): CommitUnknownError | undefined {
    return this.#outer.unknown
  }

  get broken(): ImplicitCommitError | undefined {
    return this.#outer.broken
  }

  get activity(): string {
    return this.#outer.activity
  }

  get flights(): number {
    return this.#outer.flights
  }

  async send(statements: readonly Sendable[]): Promise<readonly Answer[]> {
    const answers = await this.#counted(() => this.#outer.send(statements))
    this.#refusal ??= answers.find((answer) => answer instanceof LeaseholdError)
    return answers
  }

  async *stream(sendable: Sendable): AsyncGenerator<readonly unknown[], void, undefined> {
    const before = this.#outer.flights
    try {
      yield* this.#outer.stream(sendable)
    } finally {
      this.#event.flights += this.#outer.flights - before
    }
  }

  savepoint(): string {
    return this.#outer.savepoint()
  }

  rollbackTo(name: string, { stopped = this.#stopped }: { readonly stopped?: boolean } = {}): Promise<void> {
    return this.#counted(() => this.#outer.rollbackTo(name, { stopped }))
  }

  async commit(): Promise<void> {
    await this.confirm()
    if (this.#owner.failure !== undefined) throw this.#owner.failure.error
  }

  confirm(): Promise<void> {
    return this.#counted(() => this.#outer.confirm())
  }

  async rollback(): Promise<void> {
    try {
      await this.rollbackTo(this.#savepoint)
    } catch (error) {
      // That the savepoint is gone tells less than the error with which it went.
      const refused = error instanceof StatementError ? (this.ended ?? this.#refusal) : undefined
      this.#owner.doom(refused ?? error)
    }
  }

  /** What the unit has under way is stopped, and no more: the transaction goes on with its owner's. */
  stop(): boolean {
    this.#stopped = true
    this.interrupt()
    return true
  }

  interrupt(): void {
    this.#outer.interrupt()
  }

  /** The flights that the outer transaction makes meanwhile are nobody else's. */
  async #counted<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#outer.flights
    try {
      return await work()
    } finally {
      this.#event.flights += this.#outer.flights - before
    }
  }
}
