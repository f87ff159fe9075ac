/** Reports units that hold a connection for too long. */

/** Watches the leases of a unit, or one that is held. */
export class LeakDetection {
  readonly #after: number
  readonly #name: string
  /** Created where `run`, `begin` or `lease` was called, for its stack. */
  readonly #caller: Error

  /** `name` is that of the unit or lease in the warning. */
  constructor(after: number, name: string) {
    this.#after = after
    this.#name = name
    this.#caller = new Error('it was begun here')
  }

  /** Emits a process warning unless the returned function is called in time. */
  begin(connection: number): () => void {
    const timer = setTimeout(() => {
      process.emitWarning(
        `possible connection leak: ${this.#name} has held connection ${connection} for ${this.#after} ms`,
        { type: 'LeaseholdLeakWarning', detail: this.#caller.stack ?? '' },
      )
    }, this.#after).unref()
    return () => clearTimeout(timer)
  }
}
