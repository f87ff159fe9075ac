/** Decides whether nested work may be a part of the unit that it is called in. */
import { UsageError } from '../errors/errors.ts'
import type { UnitAccess } from '../events.ts'
import type { RunOptions } from '../unit-of-work/unit-options.ts'

interface Outer {
  /** Name of the unit in messages. */
  readonly name: string
  readonly access: UnitAccess
  readonly options: RunOptions
}

interface Inner {
  readonly access: 'run' | 'read'
  readonly options: RunOptions
}

/** Options that may be given again with the same value. */
const SAME = ['isolationLevel', 'accessMode', 'snapshot', 'statementTimeout'] as const

/** Options that apply to a whole unit, so that a part of one cannot have them. */
const WHOLE = ['timeout', 'signal', 'retry', 'outcomeKey', 'commitTimeout'] as const

/** Throws a `UsageError` for work that needs other options than the unit has, or writes in a unit that reads. */
export function assertJoinable(outer: Outer, inner: Inner): void {
  const reads = outer.access === 'read' || outer.options.accessMode === 'read only'
  if (reads && inner.access === 'run') {
    throw new UsageError(
      `run cannot join ${outer.name}, which only reads: run that unit with run, or this work with read`,
    )
  }
  for (const name of SAME) {
    const [asked, given] = [inner.options[name], outer.options[name]]
    if (asked === undefined || asked === given) continue
    throw new UsageError(
      `${inner.access} cannot join ${outer.name}: it asks for ${name} ${asked}, and the unit has ${given ?? "the server's"}`,
    )
  }
  const whole = WHOLE.find((name) => inner.options[name] !== undefined)
  if (whole === undefined) return
  throw new UsageError(
    `${inner.access} cannot join ${outer.name}: ${whole} applies to a whole unit; give it to the outermost run`,
  )
}
