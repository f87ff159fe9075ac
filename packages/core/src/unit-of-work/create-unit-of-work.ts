/** How units of work run their units: begun, repeated and ended, with their hooks. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { commitLimit, Deadline } from './deadline.ts'
import { statementsOf } from '../interpreter/describe-query.ts'
import { AcquireError, LeaseholdError, UsageError } from '../errors/errors.ts'
import { traceUnit, type UnitAccess, type UnitEvent } from '../events.ts'
import { rendezvous } from './rendezvous.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import { callHooks } from './run-hooks.ts'
import { type TransactionSource, leasing } from '../transaction/transaction-source.ts'
import { LeakDetection } from '../transaction/leak-detection.ts'
import { milliseconds } from '../options/milliseconds.ts'
import { explained, outcomeOf, unsettled, withOutcome } from './outcome-key.ts'
import { planOf, Query, type Queryable, type RowsQueryable } from '../query/query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import { Retry, RetryBudget, type RetryOptions } from './retry.ts'
import { type RowSource, RowStream } from '../executor/row-stream.ts'
import { outside, Sandbox } from './sandbox.ts'
import { leadToCaller } from '../errors/stack-trace.ts'
import type {
  CheckedStatement,
  ReadOptions,
  RunOptions,
  SandboxBody,
  StreamOptions,
  UnitOfWork,
  UnitOfWorkOptions,
} from './unit-of-work.ts'
import { type Ended, type InnerBody, runUnit, type Work } from './unit-attempt.ts'
import { tellingUnused, watchForUnused } from './unused-queries.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'
import { assertUnitOfWorkOptions, assertUnitOptions } from './unit-options.ts'

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

/**
 * The unit of work of a driver. It opens no connection before its first unit.
 *
 * @example
 * ```ts
 * const uow = createUnitOfWork({ driver: mysqlDriver({ uri: 'mysql://root@localhost/shop' }) })
 * const howMany = await uow.read(accounts.count()) // 2
 * await uow.close()
 * ```
 *
 * @throws {UsageError} when an option is unknown or invalid, or the driver uses another copy of `@leasehold/core`.
 */
export function createUnitOfWork({ driver, ...options }: UnitOfWorkOptions): UnitOfWork {
  assertUnitOfWorkOptions(options)
  if (driver['~core'] !== undefined && driver['~core'] !== LeaseholdError) {
    throw new UsageError(
      'createUnitOfWork: the driver belongs to another copy of @leasehold/core than this one, whose errors it would not know; ' +
        'have one installed (npm ls @leasehold/core)',
    )
  }
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

function unitsOn(host: TransactionSource, settings: Omit<UnitOfWorkOptions, 'driver'>): Units {
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
    const leaks = leakAfter === undefined ? undefined : new LeakDetection(leakAfter, unit)
    return traceUnit(event, async () => {
      assertUnitOptions(access, options)
      if (inside()) throw nested(current.getStore()?.access)
      if (outcomeKey !== undefined && transaction.accessMode === 'read only') {
        throw new UsageError(
          'outcomeKey: expected a unit that may write, since the key is written in it, got read only',
        )
      }
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
      const error = outcomeKey === undefined ? end.error : explained(end.error)
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
    } catch (asking) {
      return { ...ended, error: unsettled(error, asking) }
    }
  }

  async function check(query: Queryable, answers: Answers, options: ReadOptions): Promise<unknown> {
    const statements = statementsOf(query, answers)
    return run(noWork, withLabelOf(query, options), 'check', async (_, execution) => {
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

  function streamed(query: RowsQueryable, options: StreamOptions): RowSource<unknown> {
    assertUnitOptions('stream', options)
    const readOnly = { ...options, accessMode: 'read only' } as const
    if (host.sandboxed) return { batches: wholly(query, readOnly), failure: () => undefined }
    let execution: Scheduler | undefined
    const batches = beside(async (give) => {
      await run(noWork, withLabelOf(query, readOnly), 'read', async (q, its) => {
        execution = its
        for await (const rows of q.stream(query).batches()) if (!(await give(rows))) return
      })
    })
    return { batches, failure: () => execution?.failure }
  }

  /** In a sandbox the unit ends before its rows are taken. */
  async function* wholly(
    query: RowsQueryable,
    options: RunOptions,
  ): AsyncGenerator<readonly unknown[], void, undefined> {
    yield (await run(query, options, 'read')) as readonly unknown[]
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

/** What is given by a unit that runs beside the loop that takes it, and ends with it. */
async function* beside(
  unit: (give: (rows: readonly unknown[]) => Promise<boolean>) => Promise<void>,
): AsyncGenerator<readonly unknown[], void, undefined> {
  const meeting = rendezvous<readonly unknown[]>()
  try {
    yield* meeting.take(unit((rows) => meeting.give(rows)))
  } catch (error) {
    throw leadToCaller(error)
  }
}

/** The body of a unit that is given another, and no name. */
const noWork: Work = (
  () => () =>
    Promise.resolve()
)()

/** What tells more of what is in the database: how the attempt ended, or how the one before it did, which failed. */
function moreTelling<E extends Failed>(before: RolledBack, ended: E): RolledBack | E {
  if (ended.outcome === 'unknown') return ended
  // That there is no connection for another attempt tells less than why it was needed.
  const tellsLess = ended.error instanceof AcquireError && ended.error.unit === undefined
  // Something of the one before may be there, which the failure of another attempt denies.
  return before.mayHaveCommitted || tellsLess ? { ...before, hooks: ended.hooks } : ended
}

/** The error, which tells what unit it came out of, unless it has come out of another before. */
function outOf(unit: UnitIdentity, attempts: number, error: unknown): unknown {
  if (error instanceof LeaseholdError && error.unit === undefined) Object.assign(error, { unit, attempts })
  return error
}

function retryOf(work: Work, retry: boolean | RetryOptions | undefined): Retry | undefined {
  if (retry === false || (retry === undefined && typeof work === 'function')) return undefined
  if (retry !== undefined && typeof retry !== 'boolean' && typeof retry !== 'object') {
    throw new UsageError(`retry: expected true, false or { attempts, … }, got ${String(retry)}`)
  }
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
    'run (or read, stream …) was called inside a unit of the same unit of work: it would wait for a second connection while ' +
      'the first is held, and its work would be outside of the transaction; pass the query to q, yield* it, or run it after ' +
      'the unit',
  )
}
