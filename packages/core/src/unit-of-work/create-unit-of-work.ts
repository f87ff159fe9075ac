/** Makes units of work. */
import { LeaseholdError, UsageError } from '../errors/errors.ts'
import { RowStream } from '../executor/row-stream.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import { assertFunction } from '../options/check-options.ts'
import type { Queryable, RowsQueryable } from '../query/query.ts'
import { leasing } from '../transaction/leasing.ts'
import { checkStatements } from './check-statements.ts'
import { innerJob, jobOf, nameOfBody, type Work } from './job.ts'
import { outside, Sandbox } from './sandbox.ts'
import { streamUnit } from './stream-unit.ts'
import { holdLease } from './held-lease.ts'
import { beginUnit } from './held-unit.ts'
import type { HeldLease, SandboxBody, UnitOfWork } from './unit-of-work.ts'
import type {
  BeginOptions,
  LeaseOptions,
  ReadOptions,
  RunOptions,
  StreamOptions,
  UnitDefaults,
  UnitOfWorkOptions,
} from './unit-options.ts'
import { assertUnitOfWorkOptions } from './option-checks.ts'
import { DefaultOptions } from './unit-defaults.ts'
import { UnitRunner } from './unit-runner.ts'
import { watchForUnused } from './unused-queries.ts'

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
export function createUnitOfWork<Native>(given: UnitOfWorkOptions<Native>): UnitOfWork<Native> {
  assertUnitOfWorkOptions(given)
  const { driver, defaults, ...options } = given
  if (driver['~core'] !== undefined && driver['~core'] !== LeaseholdError) {
    throw new UsageError(
      'createUnitOfWork: the driver belongs to another copy of @leasehold/core than this one, whose errors it would not know; ' +
        'have one installed (npm ls @leasehold/core)',
    )
  }
  const settings = { ...options, warnUnused: options.warnUnused ?? process.env['NODE_ENV'] !== 'production' }
  if (settings.warnUnused) watchForUnused()
  return unitOfWork(
    new UnitRunner(leasing(driver), settings, DefaultOptions.of(defaults)),
  ) as UnitOfWork<Native>
}

const runners = new WeakMap<UnitOfWork, UnitRunner>()

/**
 * The runner of a unit of work, for other entry points.
 *
 * @throws {UsageError} for any other value.
 */
export function runnerOf(uow: UnitOfWork): UnitRunner {
  const runner = typeof uow === 'object' && uow !== null ? runners.get(uow) : undefined
  if (runner !== undefined) return runner
  throw new UsageError(
    'expected a unit of work, as createUnitOfWork, with or lease gives it, got another value',
  )
}

function unitOfWork(units: UnitRunner, close: () => Promise<void> = () => units.source.close()): UnitOfWork {
  const uow = Object.freeze({
    run: (work: Work, options: RunOptions = {}) => units.run(jobOf(work), options, 'run'),
    read: (work: Work, options: ReadOptions = {}) => units.run(jobOf(work), options, 'read'),
    stream: (query: RowsQueryable, options: StreamOptions = {}) =>
      new RowStream(() => streamUnit(units, query, options)),
    check: (query: Queryable, answers: Answers = {}, options: ReadOptions = {}) =>
      checkStatements(units, query, answers, options),
    explain: (query: Queryable, options: ReadOptions = {}) => units.run(jobOf(query), options, 'explain'),
    outcome: (key: string) => units.outcome(key),
    sandbox: (body: SandboxBody<unknown>, options: ReadOptions = {}) => runSandbox(units, body, options),
    begin: (options: BeginOptions = {}) => beginUnit(units, options),
    lease: (options: LeaseOptions = {}) => leaseOn(units, options),
    with: (defaults: UnitDefaults) => unitOfWork(units.with(defaults), () => Promise.resolve()),
    stats: () => units.source.driver.stats(),
    close,
  }) as UnitOfWork
  runners.set(uow, units)
  return uow
}

async function leaseOn(units: UnitRunner, options: LeaseOptions): Promise<HeldLease> {
  const lease = await holdLease(units, options)
  const held = { ...unitOfWork(lease.units), ...lease.functions }
  runners.set(held, lease.units)
  return Object.freeze(held)
}

async function runSandbox(
  units: UnitRunner,
  body: SandboxBody<unknown>,
  options: ReadOptions,
): Promise<unknown> {
  assertFunction('sandbox', body, 'sandbox(async (q, sandboxed) => …)')
  const job = innerJob(async (q, scheduler) => {
    const sandbox = new Sandbox(units.source.driver, scheduler)
    const inner = new UnitRunner(sandbox, units.settings, undefined, { family: units.family })
    try {
      return await body(
        outside(q, sandbox, () => inner.inside),
        unitOfWork(inner),
      )
    } finally {
      sandbox.end()
    }
  }, nameOfBody(body))
  return units.run(job, options, 'sandbox')
}
