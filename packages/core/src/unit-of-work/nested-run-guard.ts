/** Detects a unit that is run inside another one of the same unit of work. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { UsageError } from '../errors/errors.ts'
import type { UnitAccess } from '../events.ts'

interface OpenUnit {
  open: boolean
  readonly access: UnitAccess | 'native'
}

export class NestedRunGuard {
  readonly #current = new AsyncLocalStorage<OpenUnit>()

  /** Whether the caller is inside a unit. */
  get inside(): boolean {
    return this.#current.getStore()?.open === true
  }

  /** Throws a `UsageError` inside a unit. */
  assertOutside(): void {
    if (!this.inside) return
    throw nested(this.#current.getStore()?.access)
  }

  /** Runs a unit; its caller is inside it until it settles. */
  async enter<T>(access: UnitAccess | 'native', unit: () => Promise<T>): Promise<T> {
    const scope: OpenUnit = { open: true, access }
    try {
      return await this.#current.run(scope, unit)
    } finally {
      scope.open = false
    }
  }

  /** Runs work on behalf of a unit, but outside it. */
  leave<T>(work: () => T): T {
    return this.#current.exit(work)
  }
}

function nested(access: OpenUnit['access'] | undefined): UsageError {
  if (access === 'native') {
    return new UsageError(
      'a unit of work or a lease was used inside the function of lease.native, which holds the connection: use it afterwards',
    )
  }
  if (access === 'sandbox') {
    return new UsageError(
      'run was called on the outer unit of work inside a sandbox: its changes would be committed; use the one that the body ' +
        'receives, as in uow.sandbox(async (q, sandboxed) => …)',
    )
  }
  return new UsageError(
    'run (or read, stream …) was called inside a unit of the same unit of work: it would wait for a second connection while ' +
      'the first is held, and its work would be outside of the transaction; pass the query to q, yield* it, or run it after ' +
      'the unit',
  )
}
