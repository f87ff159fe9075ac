/** Finding out who keeps a connection for too long. */
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/** Watches leases; `undefined` where nobody asked for it. */
export class LeakDetection {
  readonly #after: number
  readonly #unit: UnitIdentity
  /** Made where `run` was called, for its stack. */
  readonly #caller: Error

  constructor(after: number, unit: UnitIdentity) {
    this.#after = after
    this.#unit = unit
    this.#caller = new Error('run was called here')
  }

  /** Reports the lease by a process warning if the function that it gives is not called in time. */
  begin(connection: number): () => void {
    const timer = setTimeout(() => {
      process.emitWarning(
        `${nameOf(this.#unit)} has held connection ${connection} for ${this.#after} ms; what does it wait for?`,
        { type: 'LeaseholdLeakWarning', detail: this.#caller.stack ?? '' },
      )
    }, this.#after).unref()
    return () => clearTimeout(timer)
  }
}
