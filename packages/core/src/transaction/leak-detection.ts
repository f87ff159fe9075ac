/** Reports units that hold a connection for too long. */
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/** Watches the leases of a unit. */
export class LeakDetection {
  readonly #after: number
  readonly #unit: UnitIdentity
  /** Created where `run` was called, for its stack. */
  readonly #caller: Error

  constructor(after: number, unit: UnitIdentity) {
    this.#after = after
    this.#unit = unit
    this.#caller = new Error('run was called here')
  }

  /** Emits a process warning unless the returned function is called in time. */
  begin(connection: number): () => void {
    const timer = setTimeout(() => {
      process.emitWarning(
        `possible connection leak: ${nameOf(this.#unit)} has held connection ${connection} for ${this.#after} ms`,
        { type: 'LeaseholdLeakWarning', detail: this.#caller.stack ?? '' },
      )
    }, this.#after).unref()
    return () => clearTimeout(timer)
  }
}
