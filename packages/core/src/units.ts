/** How units of work run their units: begun, repeated and ended, with their hooks. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { commitLimit, Deadline } from './deadline.ts'
import { statementsOf } from './description.ts'
import { AcquireError, LeaseholdError, UsageError } from './errors.ts'
import { traceUnit, type UnitAccess, type UnitEvent } from './events.ts'
import { handOver } from './hand-over.ts'
import { callHooks } from './hook-calls.ts'
import { type Host, leasing } from './host.ts'
import { LeakWatch } from './leak.ts'
import { milliseconds } from './milliseconds.ts'
import { explained, outcomeOf, withOutcome } from './outcome.ts'
import { planOf, Query, type Queryable, type RowsQueryable } from './query.ts'
import type { Answers } from './reply.ts'
import { Retry, RetryBudget, type RetryOptions } from './retry.ts'
import { RowStream } from './row-stream.ts'
import { outside, Sandbox } from './sandbox.ts'
import { leadToCaller } from './stack-trace.ts'
import type {
  CheckedStatement,
  ReadOptions,
  RunOptions,
  SandboxBody,
  StreamOptions,
  UnitOfWork,
  UnitOfWorkOptions,
} from './unit-of-work.ts'
import { type Body, type Ended, type InnerBody, runUnit, type Work } from './unit.ts'
import { tellingUnused, watchForUnused } from './unused.ts'
import { nameOf, type UnitIdentity } from './unit-identity.ts'

/** The unit that the caller is inside of. */
interface Inside {
  open: boolean
  readonly access: UnitAccess
}

type RolledBack = Extract<Ended, { outcome: 'rolled back' }>
type Failed = Extract<Ended, { error: unknown }>

interface Repetition {
  readonly policy: Retry | undefined
  readonly deadline: Deadline | undefined
  readonly outcomeKey: string | undefined
}

let units = 0

export function createUnitOfWork({ driver, ...options }: UnitOfWorkOptions): UnitOfWork {
  const settings = { ...options, warnUnused: options.warnUnused ?? process.env['NODE_ENV'] !== 'production' }
  if (settings.leakAfter !== undefined) milliseconds('leakAfter', settings.leakAfter)
  if (settings.warnUnused) watchForUnused()
  return unitsOn(leasing(driver), settings).uow
}

interface Units {
  readonly uow: UnitOfWork
  /** Whether the caller is inside of one of them. */
  readonly inside: () => boolean
}

function unitsOn(host: Host, settings: Omit<UnitOfWorkOptions, 'driver'>): Units {
  const { driver } = host
  const { leakAfter, onHookError, warnUnused = false } = settings
  const current = new AsyncLocalStorage<Inside>()
  const budget = new RetryBudget()

  const inside = (): boolean => current.getStore()?.open === true

  function run(work: Work, options: RunOptions, access: UnitAccess, inner?: InnerBody): Promise<unknown> {
    const {
      label = labelOf(work),
      retry,
      timeout,
      signal,
      outcomeKey,
      commitTimeout,
      ...transaction
    } = options
    const unit: UnitIdentity = { id: ++units, label }
    const event: UnitEvent = { unit, access, flights: 0, attempts: 0 }
    const leaks = leakAfter === undefined ? undefined : new LeakWatch(leakAfter, unit)
    return traceUnit(event, async () => {
      if (inside()) throw nested(current.getStore()?.access)
      const policy = host.sandboxed ? undefined : retryOf(work, retry)
      const limit = commitLimit(commitTimeout)
      const whole = outcomeKey === undefined ? work : withOutcome(work, outcomeKey, driver)
      const deadline = Deadline.from({ timeout, signal })
      const attempt = (number: number): Promise<Ended> => {
        event.attempts = number
        const unitAttempt = (): Promise<Ended> =>
          runUnit(whole, {
            event,
            open: () => host.open({ event, options: transaction, signal: deadline?.signal, leaks }),
            readOnly: transaction.accessMode === 'read only',
            deadline,
            commitTimeout: limit,
            attempt: number,
            inner,
          })
        return warnUnused ? tellingUnused(unit, unitAttempt) : unitAttempt()
      }
      const scope: Inside = { open: true, access }
      const attempts = () => repeatedly(unit, attempt, { policy, deadline, outcomeKey })
      let end: Ended
      try {
        end = await current.run(scope, () => host.turn(attempts))
      } finally {
        scope.open = false
        deadline?.end()
      }
      event.outcome = end.outcome === 'undone' ? 'rolled back' : end.outcome
      if (end.outcome !== 'unknown' && end.hooks.length > 0) await callHooks(end.hooks, unit, onHookError)
      if (end.outcome === 'committed' || end.outcome === 'undone') return end.value
      const error = outcomeKey === undefined ? end.error : explained(end.error, outcomeKey)
      throw leadToCaller(outOf(unit, event.attempts, error))
    })
  }

  /** Attempts until one ends well, or there is no use or no leave for another. */
  async function repeatedly(
    unit: UnitIdentity,
    attempt: (number: number) => Promise<Ended>,
    { policy, deadline, outcomeKey }: Repetition,
  ): Promise<Ended> {
    budget.earn()
    let before: RolledBack | undefined
    for (let number = 1; ; number++) {
      const end = await attempt(number)
      const told = end.outcome === 'unknown' ? await settled(end, outcomeKey, deadline?.signal) : end
      if (told.outcome === 'committed' || told.outcome === 'undone') return told
      const ended = before === undefined ? told : moreTelling(before, told)
      if (told.outcome === 'unknown' || ended.outcome === 'unknown') return ended
      const again = policy?.allows(told, number) === true
      if (!again || deadline?.signal.aborted === true || !budget.spend()) return ended
      before = ended
      try {
        await policy.wait(number + 1, deadline?.signal)
      } catch (error) {
        if (ended.mayHaveCommitted) return ended
        const stopped = deadline?.reached === true
        return {
          ...ended,
          error: stopped ? deadline.error(nameOf(unit), 'it waited to be run again') : error,
        }
      }
    }
  }

  /** With a key, an unknown outcome can be looked up; where even that fails it stays unknown. */
  async function settled(
    ended: Extract<Ended, { outcome: 'unknown' }>,
    key: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Ended> {
    if (key === undefined) return ended
    const { error, value, hooks } = ended
    try {
      const committed = await current.exit(() => outcome(key, signal))
      if (committed) return { outcome: 'committed', value, hooks: hooks.commit }
      const { cause } = error
      return { outcome: 'rolled back', error: cause, cause, mayHaveCommitted: false, hooks: hooks.rollback }
    } catch {
      return ended
    }
  }

  async function check(query: Queryable, answers: Answers, options: ReadOptions): Promise<unknown> {
    const statements = statementsOf(query, answers)
    const nothing = (): Promise<void> => Promise.resolve()
    return run(nothing, withLabelOf(query, options), 'check', async (_, execution) => {
      const checked: CheckedStatement[] = []
      for (const { plan, label } of statements) {
        const { statement } = plan
        const scope = await execution.open()
        const [answer] = await scope.send([{ type: 'prepare', statement, label }])
        const error = answer instanceof LeaseholdError ? answer : undefined
        checked.push({ label, sql: statement.sql, error })
      }
      return checked
    })
  }

  function sandbox(body: SandboxBody<unknown>, options: ReadOptions = {}): Promise<unknown> {
    return run(body as Work, options, 'sandbox', async (q, execution) => {
      const host = new Sandbox(driver, execution)
      const units = unitsOn(host, settings)
      try {
        return await body(outside(q, units.inside), units.uow)
      } finally {
        host.end()
      }
    })
  }

  function outcome(key: string, signal?: AbortSignal): Promise<boolean> {
    return run(outcomeOf(key, driver), signal === undefined ? {} : { signal }, 'run') as Promise<boolean>
  }

  /** The unit runs beside the loop that takes its rows, and ends with it; in a sandbox, it ends before. */
  async function* streamed(
    query: RowsQueryable,
    options: StreamOptions,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    if (host.sandboxed) {
      yield (await run(query, { ...options, accessMode: 'read only' }, 'read')) as readonly unknown[]
      return
    }
    const meeting = handOver<readonly unknown[]>()
    // Without a name of its own, which would be the unit's.
    const read = (body: Body<void>): Promise<unknown> =>
      run(body, { ...withLabelOf(query, options), accessMode: 'read only' }, 'read')
    const reading = read(async (q) => {
      for await (const rows of q.stream(query).batches()) if (!(await meeting.give(rows))) return
    })
    try {
      yield* meeting.take(reading)
    } catch (error) {
      throw leadToCaller(error)
    }
  }

  const uow = Object.freeze({
    run: (work: Work, options: RunOptions = {}) => run(work, options, 'run'),
    read: (work: Work, options: ReadOptions = {}) =>
      run(work, { ...options, accessMode: 'read only' }, 'read'),
    stream: (query: RowsQueryable, options: StreamOptions = {}) =>
      new RowStream(() => streamed(query, options)),
    check: (query: Queryable, answers: Answers = {}, options: ReadOptions = {}) =>
      check(query, answers, options),
    explain: (query: Queryable, options: ReadOptions = {}) => run(query, options, 'explain'),
    outcome: (key: string) => outcome(key),
    sandbox,
    stats: () => driver.stats(),
    close: () => host.close(),
  }) as UnitOfWork
  return { uow, inside }
}

/** What tells more of what is in the database: how the attempt ended, or how the one before it did, which failed. */
function moreTelling<E extends Failed>(before: RolledBack, ended: E): RolledBack | E {
  if (ended.outcome === 'unknown') return ended
  // Something of it may be there, which the failure of another attempt denies.
  if (before.mayHaveCommitted) return { ...before, hooks: ended.hooks }
  // That there is no connection for another attempt tells less than why it was needed.
  return ended.error instanceof AcquireError && ended.error.unit === undefined ? before : ended
}

/** The error, which tells what unit it came out of, unless it has come out of another before. */
function outOf(unit: UnitIdentity, attempts: number, error: unknown): unknown {
  if (error instanceof LeaseholdError && error.unit === undefined) Object.assign(error, { unit, attempts })
  return error
}

function retryOf(work: Work, retry: boolean | RetryOptions | undefined): Retry | undefined {
  if (retry === false || (retry === undefined && typeof work === 'function')) return undefined
  return new Retry(typeof retry === 'object' ? retry : {}, { asked: retry !== undefined })
}

function labelOf(work: Work): string | undefined {
  if (typeof work === 'function') return work.name === '' ? undefined : work.name
  // What is handed to a unit is used, even if the unit is refused.
  let plan = work instanceof Query ? planOf(work) : undefined
  while (plan?.type === 'map' || plan?.type === 'then') plan = plan.source['~plan']
  return plan?.type === 'label' ? plan.label : undefined
}

/** The options, with the query's name for a label unless they have one. */
function withLabelOf<O extends ReadOptions>(query: Queryable, options: O): O {
  const label = labelOf(query)
  return label === undefined ? options : { label, ...options }
}

function nested(access: UnitAccess | undefined): UsageError {
  if (access === 'sandbox') {
    return new UsageError(
      'run was called inside of a sandbox, on the unit of work that has it: what it did would stay; use the one that the ' +
        'body of the sandbox receives, as in uow.sandbox(async (q, sandboxed) => …)',
    )
  }
  return new UsageError(
    'run was called inside a unit of the same unit of work: it would wait for a second connection while the first is ' +
      'held, and its work would be outside of the transaction; pass the query to q, yield* it, or run it after the unit',
  )
}
