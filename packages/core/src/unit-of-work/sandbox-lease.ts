/** Leases inside sandboxes. */
import type { Driver } from '../driver.ts'
import { UsageError } from '../errors/errors.ts'
import type { UnitIdentity } from '../errors/unit-identity.ts'
import type { LeasedSource, OpenRequest, TransactionSource, Turn } from '../transaction/transaction-source.ts'
import type { TransactionHandle } from '../transaction/transaction.ts'

/** A lease inside a sandbox. Its units are units of the sandbox, and share its connection with the others. */
export class SandboxLease implements LeasedSource {
  readonly driver: Driver
  readonly sandboxed = true
  readonly ended: AbortSignal | undefined
  readonly #sandbox: TransactionSource
  readonly #unit: UnitIdentity
  readonly #name: string
  #turns: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(sandbox: TransactionSource, unit: UnitIdentity, name: string) {
    this.driver = sandbox.driver
    this.ended = sandbox.ended
    this.#sandbox = sandbox
    this.#unit = unit
    this.#name = name
  }

  turn<T>(work: () => Promise<T>, turn: Turn): Promise<T> {
    if (this.#closed) throw new UsageError(`${this.#name} was used after its end: take another one`)
    const running = this.#sandbox.turn(work, turn)
    this.#turns = Promise.allSettled([this.#turns, running])
    return running
  }

  open(request: OpenRequest): Promise<TransactionHandle> {
    return this.#sandbox.open(request)
  }

  lease(): Promise<never> {
    return Promise.reject(
      new UsageError(`lease was called on ${this.#name}, which is one: run the units on it`),
    )
  }

  native(): Promise<never> {
    return Promise.reject(
      new UsageError('native was called in a sandbox, whose transaction it could end: use the unit of work'),
    )
  }

  async end(last: (open: LeasedSource['open']) => Promise<void>): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#turns
    const turn = { unit: this.#unit, held: false, signal: undefined }
    await this.#sandbox.turn(() => last((request) => this.open(request)), turn).catch(() => {})
  }

  /** Does nothing: the sandbox ends by itself. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
