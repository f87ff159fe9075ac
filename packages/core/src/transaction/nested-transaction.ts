import type { Answer, Session, StatementCommand } from '../driver.ts'
import { LeaseholdError, StatementError } from '../errors/errors.ts'
import type { UnitEvent } from '../events.ts'
import type { Integrity } from './integrity.ts'
import type { TransactionHandle } from './transaction.ts'

/** The owner of the transaction that a nested one is part of. */
export interface TransactionOwner {
  /** Its failure, after which none of its changes are left. */
  readonly failure: { readonly error: unknown } | undefined
  /** Sends nothing more. */
  doom(error: unknown): void
}

/**
 * The transaction of a unit inside a sandbox. Its COMMIT keeps the changes until the sandbox ends; its ROLLBACK goes to a
 * savepoint. If the server has ended the transaction, the owner is doomed.
 */
export class NestedTransaction implements TransactionHandle {
  readonly #outer: TransactionHandle
  readonly #owner: TransactionOwner
  readonly #event: UnitEvent
  readonly #savepoint: string
  readonly session: Session
  readonly flights: TransactionHandle['flights']
  readonly integrity: Integrity
  /** It never ends the transaction. */
  readonly commitFacts = undefined
  readonly unknown = undefined
  /** The first error among the answers. */
  #refusal: LeaseholdError | undefined
  #stopped = false

  constructor(outer: TransactionHandle, owner: TransactionOwner, event: UnitEvent) {
    this.#outer = outer
    this.#owner = owner
    this.#event = event
    this.session = outer.session
    this.flights = outer.flights
    this.integrity = outer.integrity
    this.#savepoint = outer.savepoint()
  }

  get ended(): StatementError | undefined {
    return this.#outer.ended
  }

  async send(statements: readonly StatementCommand[]): Promise<readonly Answer[]> {
    const answers = await this.#counted(() => this.#outer.send(statements))
    this.#refusal ??= answers.find((answer) => answer instanceof LeaseholdError)
    return answers
  }

  async *stream(command: StatementCommand): AsyncGenerator<readonly unknown[], void, undefined> {
    const before = this.flights.count
    try {
      yield* this.#outer.stream(command)
    } finally {
      this.#event.flights += this.flights.count - before
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
      // The error that removed the savepoint says more than its absence.
      const refused = error instanceof StatementError ? (this.ended ?? this.#refusal) : undefined
      this.#owner.doom(refused ?? error)
    }
  }

  /** Interrupts this unit's flight only: the transaction goes on with its owner's work. */
  stop(): boolean {
    this.#stopped = true
    this.interrupt()
    return true
  }

  interrupt(): void {
    this.#outer.interrupt()
  }

  /** Counts the flights of the outer transaction meanwhile as this unit's own. */
  async #counted<T>(work: () => Promise<T>): Promise<T> {
    const before = this.flights.count
    try {
      return await work()
    } finally {
      this.#event.flights += this.flights.count - before
    }
  }
}
