/**
 * Units of work. The word means identity map and change tracking elsewhere; here it means that a query or a body
 * runs on one lease in one transaction, and that the connection comes back whatever happens.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Deadline, type DeadlineOptions } from './deadline.ts'
import { statementsOf } from './description.ts'
import type { Driver, DriverStats, TransactionOptions } from './driver.ts'
import { AcquireError, LeaseholdError, UsageError } from './errors.ts'
import { nameOf, traceUnit, type UnitAccess, type UnitEvent, type UnitIdentity } from './events.ts'
import type { ExplainedStatement } from './execution.ts'
import type { Executor } from './executor.ts'
import { handOver } from './hand-over.ts'
import { type Host, leasing, Sandbox } from './host.ts'
import { LeakWatch } from './leak.ts'
import type { RowIn } from './nesting.ts'
import { explained, outcomeOf, withOutcome } from './outcome.ts'
import { type Hook, planOf, Query, type Queryable, type ResultOf, type RowsQueryable } from './query.ts'
import type { Answers } from './reply.ts'
import { Retry, RetryBudget, type RetryOptions } from './retry.ts'
import { RowStream } from './row-stream.ts'
import { tellingUnused, watchForUnused } from './unused.ts'
import { type Body, type Ended, runUnit, type InnerBody, type Work } from './unit.ts'

export interface ReadOptions extends Omit<TransactionOptions, 'accessMode'>, DeadlineOptions {
  /** Name of the unit in events and errors: the query's own unless given, or that of the body's function. */
  readonly label?: string
  /**
   * Whether the unit is run again, as a whole, when the server rolled it back for a deadlock or a conflict or the
   * connection was lost before COMMIT. On for a query, of which nothing can have happened outside of the database; off
   * for a body unless asked, since it may have sent a mail.
   */
  readonly retry?: boolean | RetryOptions
}

/** Rows that were taken can't be taken back, so a stream is not run again. */
export type StreamOptions = Omit<ReadOptions, 'retry'>

/** The unit that the caller is inside of. */
interface Inside {
  open: boolean
  readonly access: UnitAccess
}

interface Repetition {
  readonly policy: Retry | undefined
  readonly deadline: Deadline | undefined
  readonly outcomeKey: string | undefined
}

export interface RunOptions extends ReadOptions, TransactionOptions {
  /**
   * A name for what is to happen once, written in the unit's transaction: it lets an unknown outcome be settled, so that
   * the unit can be run again without happening twice. A key that was committed before is an `AlreadyCommittedError`.
   */
  readonly outcomeKey?: string
}

export interface UnitOfWorkOptions {
  readonly driver: Driver
  /** Milliseconds after which a lease that is still held is reported by a process warning that tells where `run` was called. */
  readonly leakAfter?: number
  /**
   * Whether queries that a unit made and never ran are reported by a process warning that tells where they were made: for
   * a forgotten `yield*` or `q`. Unless given, they are if NODE_ENV is not `production`.
   */
  readonly warnUnused?: boolean
  /** Told what `afterCommit` and `afterRollback` hooks throw; a process warning unless given. */
  readonly onHookError?: (error: unknown, unit: UnitIdentity) => void
}

export interface UnitOfWork {
  /**
   * Runs a query, or a body that runs queries, in one transaction, commits it and gives the result. A failure rolls
   * everything back and comes out: the body's own error as the same object, else the first failure.
   *
   * Rejects with an `AcquireError` (nothing ran), a `StatementError`, a `ResultError`, a `DeadlineError`, a
   * `ConnectionLostError` (nothing of it is in the database), a `CommitUnknownError`, an `ImplicitCommitError`, a
   * `UsageError`, or with what the caller's own code threw.
   */
  run<T>(body: Body<T>, options?: RunOptions): Promise<T>
  run<const Q extends Queryable>(query: Q, options?: RunOptions): Promise<ResultOf<Q>>

  /**
   * The same in a read-only transaction, for what only reads. What the types know to write does not compile; locking
   * reads, and raw SQL that is no plain read, are a `UsageError` before they are sent; the server refuses the rest.
   */
  read<T>(body: Body<T, 'read'>, options?: ReadOptions): Promise<T>
  read<const Q extends Queryable<'read'>>(query: Q, options?: ReadOptions): Promise<ResultOf<Q>>

  /**
   * The rows of one statement as they come, in a read-only transaction on a connection of their own, which is leased when
   * the loop begins and free when it ends. `timeout` and `signal` count for the whole loop; it throws what `read` rejects
   * with.
   */
  stream<const Q extends RowsQueryable<'read'>>(
    query: Q,
    options?: StreamOptions,
  ): RowStream<RowIn<ResultOf<Q>>>

  /**
   * How the server runs each statement of a query, in the order in which they are sent. The statements really run, since
   * later ones may depend on their results, in a unit that is rolled back at its end; no hook is called. Rejects as `run`
   * does.
   */
  explain(query: Queryable, options?: ReadOptions): Promise<readonly ExplainedStatement[]>

  /**
   * Has the server look at the statements of a query without running them, as far as `answers` lead (see `describeQuery`):
   * whether it knows the tables and columns, and what else it checks when it prepares a statement. Gives an error for each
   * that it could not run. Rejects as `run` does when nothing can be checked, with an `AcquireError` for instance.
   */
  check(query: Queryable, answers?: Answers, options?: ReadOptions): Promise<readonly CheckedStatement[]>

  /**
   * Runs a body in a transaction that is rolled back whatever happens, and gives its result: for tests. Besides `q` it
   * receives a unit of work that stays inside, for code that runs units by itself: they come one after the other, each
   * behind a savepoint, to which a failing one is rolled back; their hooks are called as ever. Their connection is the
   * sandbox's, and so are the options of their transaction; none is run again. Rejects as `run` does.
   */
  sandbox<T>(body: SandboxBody<T>, options?: ReadOptions): Promise<T>

  /**
   * Whether a unit with this `outcomeKey` was committed. Rejects with a `StatementError` (lock timeout) while the server
   * itself does not know yet.
   */
  outcome(key: string): Promise<boolean>

  /** What the connections are doing. */
  stats(): DriverStats

  /** Refuses further units, waits for those that run as long as the driver allows, and closes all connections. */
  close(): Promise<void>
}

/** What the server thinks of a statement. */
export interface CheckedStatement {
  readonly label: string | undefined
  readonly sql: string
  /** Absent if it could be run. */
  readonly error: LeaseholdError | undefined
}

/** `sandboxed` is the unit of work to be used inside; its `close` does nothing. */
export type SandboxBody<T> = (q: Executor, sandboxed: UnitOfWork) => Promise<T>

let units = 0

export function createUnitOfWork({ driver, ...options }: UnitOfWorkOptions): UnitOfWork {
  const settings = { ...options, warnUnused: options.warnUnused ?? process.env['NODE_ENV'] !== 'production' }
  if (settings.warnUnused) watchForUnused()
  return unitsOn(leasing(driver), settings).uow
}

interface Units {
  readonly uow: UnitOfWork
  /** Whether the caller is inside of one of them. */
  inside(): boolean
}

function unitsOn(host: Host, settings: Omit<UnitOfWorkOptions, 'driver'>): Units {
  const { driver } = host
  const { leakAfter, onHookError = warn, warnUnused = false } = settings
  const current = new AsyncLocalStorage<Inside>()
  const budget = new RetryBudget()

  const inside = (): boolean => current.getStore()?.open === true

  function run(work: Work, options: RunOptions, access: UnitAccess, inner?: InnerBody): Promise<unknown> {
    const { label = labelOf(work), retry, timeout, signal, outcomeKey, ...transaction } = options
    const unit: UnitIdentity = { id: ++units, label }
    const event: UnitEvent = { unit, access, flights: 0, attempts: 0 }
    const leaks = leakAfter === undefined ? undefined : new LeakWatch(leakAfter, unit)
    return traceUnit(event, async () => {
      if (inside()) throw nested(current.getStore()?.access)
      const policy = host.sandboxed ? undefined : retryOf(work, retry)
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
            attempt: number,
            inner,
          })
        return warnUnused ? tellingUnused(unit, unitAttempt) : unitAttempt()
      }
      const scope: Inside = { open: true, access }
      const end = await current
        .run(scope, () => host.turn(() => repeatedly(unit, attempt, { policy, deadline, outcomeKey })))
        .finally(() => {
          scope.open = false
          deadline?.end()
        })
      event.outcome = end.outcome === 'undone' ? 'rolled back' : end.outcome
      if (end.outcome !== 'unknown') await callHooks(end.hooks, unit)
      if (end.outcome === 'committed' || end.outcome === 'undone') return end.value
      throw outcomeKey === undefined ? end.error : explained(end.error, outcomeKey)
    })
  }

  /** Attempts until one ends well, or there is no use or no leave for another. */
  async function repeatedly(
    unit: UnitIdentity,
    attempt: (number: number) => Promise<Ended>,
    { policy, deadline, outcomeKey }: Repetition,
  ): Promise<Ended> {
    budget.earn()
    let before: Ended | undefined
    for (let number = 1; ; number++) {
      const ended = await settled(await attempt(number), outcomeKey, deadline?.signal)
      if (ended.outcome === 'committed' || ended.outcome === 'undone') return ended
      // That there is no connection for another attempt tells less than why it was needed.
      if (ended.error instanceof AcquireError && before !== undefined) return before
      if (ended.error instanceof LeaseholdError) ended.error.attempts = number
      const again = ended.outcome === 'rolled back' && policy?.allows(ended.cause, number) === true
      if (!again || deadline?.signal.aborted === true || !budget.spend()) return ended
      before = ended
      try {
        await policy.wait(number + 1, deadline?.signal)
      } catch {
        return { ...ended, error: deadline?.error(nameOf(unit), 'it waited to be run again') ?? ended.error }
      }
    }
  }

  /** With a key, an unknown outcome can be looked up; where even that fails it stays unknown. */
  async function settled(
    ended: Ended,
    key: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Ended> {
    if (ended.outcome !== 'unknown' || key === undefined) return ended
    const { error, value, hooks } = ended
    try {
      const committed = await current.exit(() => outcome(key, signal))
      if (committed) return { outcome: 'committed', value, hooks: hooks.commit }
      return { outcome: 'rolled back', error: error.cause, cause: error.cause, hooks: hooks.rollback }
    } catch {
      return ended
    }
  }

  function check(query: Queryable, answers: Answers, options: ReadOptions): Promise<unknown> {
    const statements = statementsOf(query, answers)
    const nothing = (): Promise<void> => Promise.resolve()
    const label = options.label ?? labelOf(query)
    const named = label === undefined ? options : { ...options, label }
    return run(nothing, named, 'check', async (_, execution) => {
      const checked: CheckedStatement[] = []
      for (const { plan, label } of statements) {
        const { statement } = plan
        const scope = await execution.open()
        const [answer] = await scope.send([{ type: 'prepare', statement, label }], false)
        const error = answer instanceof LeaseholdError ? answer : undefined
        checked.push({ label, sql: statement.sql, error })
      }
      return checked
    })
  }

  function sandbox(body: SandboxBody<unknown>, options: ReadOptions = {}): Promise<unknown> {
    return run(body as Work, options, 'sandbox', async (q, execution) => {
      const sandbox = new Sandbox(driver, execution)
      const units = unitsOn(sandbox, settings)
      try {
        return await body(outside(q, units), units.uow)
      } finally {
        sandbox.end()
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
    const body: Body<void> = async (q) => {
      for await (const rows of q.stream(query).batches()) if (!(await meeting.give(rows))) return
    }
    const label = options.label ?? labelOf(query)
    const unit = { ...options, accessMode: 'read only', ...(label === undefined ? {} : { label }) } as const
    yield* meeting.take(run(body, unit, 'read'))
  }

  async function callHooks(hooks: readonly Hook[], unit: UnitIdentity): Promise<void> {
    for (const hook of hooks) {
      try {
        await hook()
      } catch (error) {
        report(error, unit)
      }
    }
  }

  function report(error: unknown, unit: UnitIdentity): void {
    try {
      onHookError(error, unit)
    } catch (another) {
      warn(error, unit)
      warn(another, unit)
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

const INSIDE = 'the q of a sandbox was used inside of a unit of it: use the q of that unit'

/** The `q` of a sandbox, refused inside of its units, for whose end it would wait. */
function outside(q: Executor, units: Units): Executor {
  const refused = (): Promise<never> | undefined =>
    units.inside() ? Promise.reject(new UsageError(INSIDE)) : undefined
  const guarded = (query: Queryable): Promise<unknown> => refused() ?? q(query)
  const all = (queries: readonly Queryable[]): Promise<unknown> => refused() ?? q.all(queries)
  const stream = (query: RowsQueryable): RowStream<unknown> =>
    new RowStream(() => {
      if (units.inside()) throw new UsageError(INSIDE)
      return q.stream(query).batches()
    })
  return Object.assign(guarded, { all, stream, attempt: q.attempt }) as Executor
}

function retryOf(work: Work, retry: boolean | RetryOptions = typeof work !== 'function'): Retry | undefined {
  if (retry === false) return undefined
  return new Retry(retry === true ? {} : retry)
}

function labelOf(work: Work): string | undefined {
  if (typeof work === 'function') return work.name === '' ? undefined : work.name
  let plan = work instanceof Query ? planOf(work) : undefined
  while (plan?.type === 'map' || plan?.type === 'then') plan = plan.source['~plan']
  return plan?.type === 'label' ? plan.label : undefined
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

function warn(error: unknown, unit: UnitIdentity): void {
  const detail = error instanceof Error ? error.stack : String(error)
  process.emitWarning(`a hook of ${nameOf(unit)} failed; the unit stands`, {
    type: 'LeaseholdHookWarning',
    ...(detail === undefined ? {} : { detail }),
  })
}
