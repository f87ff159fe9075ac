/** Runs the units of one unit of work: checks options, repeats attempts, runs hooks. */
import type { TransactionOptions } from '../driver.ts'
import { LeaseholdError, UsageError } from '../errors/errors.ts'
import { leadToCaller } from '../errors/stack-trace.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'
import { traceUnit, type UnitAccess, type UnitEvent } from '../events.ts'
import { LeakDetection } from '../transaction/leak-detection.ts'
import type { LeasedSource, TransactionSource } from '../transaction/transaction-source.ts'
import { commitLimit, Deadline } from './deadline.ts'
import { type Job, jobOf } from './job.ts'
import { NestedRunGuard } from './nested-run-guard.ts'
import { outcomeKeyError, outcomeOf, settledByKey, withOutcome } from './outcome-key.ts'
import { repeatAttempts } from './retry-loop.ts'
import { RetryBudget, retryOf } from './retry-policy.ts'
import { callHooks } from './run-hooks.ts'
import { type Ended, runUnit } from './unit-attempt.ts'
import { DefaultOptions } from './unit-defaults.ts'
import type { LeaseOptions, RunOptions, UnitDefaults, UnitOfWorkOptions } from './unit-options.ts'
import { assertUnitOptions } from './option-checks.ts'
import { tellingUnused } from './unused-queries.ts'

export type UnitSettings = Omit<UnitOfWorkOptions, 'driver' | 'defaults'>

/** Units of derived units of work are those of the original. */
interface Shared {
  readonly nested: NestedRunGuard
  readonly budget: RetryBudget
  /** The same for sandboxes, too. */
  readonly family: object
  /** Looks outcomes up, for units of a lease: its own connection is lost then. Default: the runner itself. */
  readonly settler: UnitRunner | undefined
}

/** The units of one lease. */
export interface LeasedUnits {
  /** The lease in events, and its name in messages. */
  readonly unit: UnitIdentity
  readonly name: string
  readonly source: LeasedSource
  readonly units: UnitRunner
}

/** The code that holds a unit. */
interface Holder {
  /** Stops the unit as the options' signal does. */
  readonly signal?: AbortSignal
  /** Receives the event of the unit at once. */
  readonly onEvent?: (event: UnitEvent) => void
}

/** What a stopped lease was doing. */
const WAITING = 'it waited for a connection'

/** Default limit of a held unit, in milliseconds. */
const HOLD_LIMIT = 60_000

let units = 0

export class UnitRunner {
  readonly source: TransactionSource
  readonly settings: UnitSettings
  /** The same for all units of work that stem from one: derived ones, leases and sandboxes. */
  readonly family: object
  readonly #defaults: DefaultOptions
  readonly #nested: NestedRunGuard
  readonly #budget: RetryBudget
  readonly #settler: UnitRunner | undefined

  constructor(
    source: TransactionSource,
    settings: UnitSettings,
    defaults: DefaultOptions = DefaultOptions.of(),
    { nested = new NestedRunGuard(), budget = new RetryBudget(), family = {}, settler }: Partial<Shared> = {},
  ) {
    this.source = source
    this.settings = settings
    this.#defaults = defaults
    this.#nested = nested
    this.#budget = budget
    this.family = family
    this.#settler = settler
  }

  /** Runs units of the same unit of work with more defaults. */
  with(defaults: UnitDefaults): UnitRunner {
    return this.#derived(this.source, this.#defaults.with(defaults), this.#settler)
  }

  /** Runs units on one lease. Rejects with an `AcquireError`, a `DeadlineError`, or a `UsageError` inside a unit. */
  async leased({ label, signal }: LeaseOptions): Promise<LeasedUnits> {
    this.#nested.assertOutside()
    const { leakAfter } = this.settings
    const defaults = this.#defaults.with({ signal })
    const unit: UnitIdentity = { id: ++units, label }
    const name = nameOf(unit).replace('unit', 'lease')
    const leaks = leakAfter === undefined ? undefined : new LeakDetection(leakAfter, name)
    const deadline = Deadline.from(defaults.for({}).timeout, defaults.signals)
    try {
      const source = await this.source.lease({ unit, name, signal: deadline?.signal, leaks })
      return { unit, name, source, units: this.#derived(source, defaults, this) }
    } catch (error) {
      throw leadToCaller(deadline?.reached === true ? deadline.error(name, WAITING) : error)
    } finally {
      deadline?.end()
    }
  }

  #derived(source: TransactionSource, defaults: DefaultOptions, settler: UnitRunner | undefined): UnitRunner {
    const shared = { nested: this.#nested, budget: this.#budget, family: this.family, settler }
    return new UnitRunner(source, this.settings, defaults, shared)
  }

  /** Runs `work` with a lent connection, inside of which no unit can run. */
  lend<T>(work: () => Promise<T>): Promise<T> {
    this.#nested.assertOutside()
    return this.#nested.enter('native', work)
  }

  /** Calls `work` outside of the units that the caller is in. */
  leave<T>(work: () => T): T {
    return this.#nested.leave(work)
  }

  /** Whether the caller is inside one of the units. */
  get inside(): boolean {
    return this.#nested.inside
  }

  /** Throws a `UsageError` inside one of the units. */
  assertOutside(): void {
    this.#nested.assertOutside()
  }

  /** Resolves with the result of the unit, and rejects with its failure. */
  run(job: Job, options: RunOptions, access: UnitAccess, holder: Holder = {}): Promise<unknown> {
    const { leakAfter, onHookError } = this.settings
    const { signals, tags } = this.#defaults
    // Anything but an object is refused below, as an event of the unit.
    const given = this.#defaults.for(Object(options) as RunOptions)
    const unit: UnitIdentity = {
      id: ++units,
      label: given.label ?? job.label,
      ...(tags === undefined ? {} : { tags }),
    }
    const event: UnitEvent = { unit, access, flights: 0, attempts: 0 }
    holder.onEvent?.(event)
    const leaks = leakAfter === undefined ? undefined : new LeakDetection(leakAfter, nameOf(unit))
    return traceUnit(event, async () => {
      assertUnitOptions(access, options)
      this.#nested.assertOutside()
      const { signal } = options
      const own = [signal, holder.signal].filter((each) => each !== undefined)
      const stopping = own.length === 0 ? signals : [...signals, ...own]
      const end = await this.#attempts(job, given, stopping, event, leaks)
      event.outcome = end.outcome === 'undone' ? 'rolled back' : end.outcome
      if (end.outcome !== 'unknown' && end.hooks.length > 0) await callHooks(end.hooks, unit, onHookError)
      if (end.outcome === 'committed' || end.outcome === 'undone') return end.value
      const error = options.outcomeKey === undefined ? end.error : outcomeKeyError(end.error)
      throw leadToCaller(outOf(unit, event.attempts, error))
    })
  }

  /** Whether a unit with this key has been committed. */
  outcome(key: string, signal?: AbortSignal): Promise<boolean> {
    const job = jobOf(outcomeOf(key, this.source.driver))
    return this.run(job, signal === undefined ? {} : { signal }, 'run') as Promise<boolean>
  }

  async #attempts(
    job: Job,
    options: Omit<RunOptions, 'signal'>,
    signals: readonly AbortSignal[],
    event: UnitEvent,
    leaks: LeakDetection | undefined,
  ): Promise<Ended> {
    const limit = event.access === 'begin' ? HOLD_LIMIT : undefined
    const { label: _, retry, timeout = limit, outcomeKey, commitTimeout, ...chosen } = options
    const transaction: TransactionOptions =
      event.access === 'read' ? { ...chosen, accessMode: 'read only' } : chosen
    if (outcomeKey !== undefined && transaction.accessMode === 'read only') {
      throw new UsageError(
        'outcomeKey: expected a unit that may write, since the key is written in it, got read only',
      )
    }
    const { source } = this
    const settler = this.#settler ?? this
    const policy = source.sandboxed ? undefined : retryOf(job.type, retry)
    const commitTimeoutMs = commitLimit(commitTimeout)
    const whole = outcomeKey === undefined ? job : withOutcome(job, outcomeKey, source.driver)
    const deadline = Deadline.from(timeout, signals)
    const attempt = (number: number): Promise<Ended> => {
      event.attempts = number
      const once = (): Promise<Ended> =>
        runUnit(whole, {
          event,
          open: () => source.open({ event, options: transaction, signal: deadline?.signal, leaks }),
          readOnly: transaction.accessMode === 'read only',
          deadline,
          commitTimeout: commitTimeoutMs,
          attempt: number,
        })
      return this.settings.warnUnused === true ? tellingUnused(event.unit, once) : once()
    }
    const repetition = {
      unit: event.unit,
      policy,
      budget: this.#budget,
      deadline,
      settle: (ended: Extract<Ended, { outcome: 'unknown' }>) =>
        outcomeKey === undefined
          ? Promise.resolve(ended)
          : settledByKey(ended, () =>
              this.#nested.leave(() => settler.outcome(outcomeKey, deadline?.signal)),
            ),
    }
    try {
      return await this.#nested.enter(event.access, () =>
        source.turn(() => repeatAttempts(attempt, repetition), {
          unit: event.unit,
          held: job.type === 'inner' && event.access !== 'check',
          signal: deadline?.signal,
        }),
      )
    } finally {
      deadline?.end()
    }
  }
}

/** Names the unit on its error, unless another unit has done so before. */
function outOf(unit: UnitIdentity, attempts: number, error: unknown): unknown {
  if (error instanceof LeaseholdError && error.unit === undefined) Object.assign(error, { unit, attempts })
  return error
}
