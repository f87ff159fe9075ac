/** Runs the hooks of a unit at its end. Their failures do not change its outcome. */
import type { Hook } from '../query/query.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/** Receives the error of a hook. */
export type HookErrorHandler = (error: unknown, unit: UnitIdentity) => void

/** Runs them one after the other. */
export async function callHooks(
  hooks: readonly Hook[],
  unit: UnitIdentity,
  onError: HookErrorHandler = warn,
): Promise<void> {
  for (const hook of hooks) {
    try {
      await hook()
    } catch (error) {
      report(error, unit, onError)
    }
  }
}

function report(error: unknown, unit: UnitIdentity, onError: HookErrorHandler): void {
  try {
    onError(error, unit)
  } catch (another) {
    warn(error, unit)
    warn(another, unit)
  }
}

function warn(error: unknown, unit: UnitIdentity): void {
  const detail = error instanceof Error ? error.stack : String(error)
  process.emitWarning(`a hook of ${nameOf(unit)} failed; the outcome of the unit is unchanged`, {
    type: 'LeaseholdHookWarning',
    ...(detail === undefined ? {} : { detail }),
  })
}
