/** The options of each function of a unit of work, and their checks. */
import type { AccessMode, IsolationLevel } from '../driver.ts'
import { UsageError } from '../errors/errors.ts'
import type { UnitAccess } from '../events.ts'
import { assertOptions, checkedElsewhere, type OptionChecks } from '../options/check-options.ts'
import { milliseconds } from '../options/milliseconds.ts'
import { assertSignal, commitLimit } from './deadline.ts'
import { retryOf } from './retry-policy.ts'
import type {
  BeginOptions,
  LeaseOptions,
  LockOptions,
  ReadOptions,
  RunOptions,
  StreamOptions,
  UnitDefaults,
  UnitOfWorkOptions,
} from './unit-options.ts'

const ISOLATION_LEVELS: readonly IsolationLevel[] = [
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
]
const ACCESS_MODES: readonly AccessMode[] = ['read only', 'read write']

const STREAM_OPTIONS: OptionChecks<keyof StreamOptions> = {
  isolationLevel: ISOLATION_LEVELS,
  label: 'string',
  signal: (_, signal: unknown) => assertSignal(signal),
  snapshot: 'boolean',
  statementTimeout: (name, value: number) => {
    if (Number.isSafeInteger(value) && value >= 1) return
    throw new UsageError(`${name}: expected whole milliseconds from 1, got ${String(value)}`)
  },
  timeout: milliseconds,
}

const READ_OPTIONS: OptionChecks<keyof ReadOptions> = {
  ...STREAM_OPTIONS,
  retry: (_, retry: ReadOptions['retry']) => retryOf('body', retry),
}

const BEGIN_OPTIONS: OptionChecks<keyof BeginOptions> = {
  ...STREAM_OPTIONS,
  accessMode: ACCESS_MODES,
  commitTimeout: (_, timeout: number) => commitLimit(timeout),
}

const RUN_OPTIONS: OptionChecks<keyof RunOptions> = {
  ...READ_OPTIONS,
  ...BEGIN_OPTIONS,
  outcomeKey: checkedElsewhere,
}

const OPTIONS: Readonly<Record<UnitAccess | 'stream', OptionChecks>> = {
  begin: BEGIN_OPTIONS,
  check: READ_OPTIONS,
  explain: READ_OPTIONS,
  read: READ_OPTIONS,
  run: RUN_OPTIONS,
  sandbox: READ_OPTIONS,
  stream: STREAM_OPTIONS,
}

const DEFAULTS: OptionChecks<keyof UnitDefaults> = {
  ...READ_OPTIONS,
  commitTimeout: BEGIN_OPTIONS.commitTimeout,
  tags: checkedElsewhere,
}

const UNIT_OF_WORK_OPTIONS: OptionChecks<keyof UnitOfWorkOptions> = {
  driver: checkedElsewhere,
  defaults: checkedElsewhere,
  leakAfter: milliseconds,
  warnUnused: 'boolean',
  onHookError: 'function',
}

const LEASE_OPTIONS: OptionChecks<keyof LeaseOptions> = {
  label: 'string',
  signal: STREAM_OPTIONS.signal,
}

const LOCK_OPTIONS: OptionChecks<keyof LockOptions> = { wait: milliseconds }

/** Throws a `UsageError` for an unknown or invalid option. */
export function assertUnitOptions(access: UnitAccess | 'stream', options: object): void {
  assertOptions(access, options, OPTIONS[access])
}

/** Throws a `UsageError` for an unknown or invalid option, and for a missing driver; `defaults` has a check of its own. */
export function assertUnitOfWorkOptions(options: UnitOfWorkOptions): void {
  assertOptions('createUnitOfWork', options, UNIT_OF_WORK_OPTIONS)
  if (typeof options.driver?.acquire === 'function') return
  throw new UsageError(
    'createUnitOfWork: expected a driver, as in createUnitOfWork({ driver: mysqlDriver({ … }) })',
  )
}

/** Throws a `UsageError` for an unknown or invalid option. */
export function assertUnitDefaults(where: string, defaults: UnitDefaults): void {
  assertOptions(where, defaults, DEFAULTS)
  const { tags = {} } = defaults
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    throw new UsageError(`${where}: expected tags to be an object of strings, got ${String(tags)}`)
  }
  for (const [name, value] of Object.entries(tags)) {
    if (typeof value === 'string') continue
    throw new UsageError(`${where}.tags: expected strings, got ${typeof value} for ${name}`)
  }
}

/** Throws a `UsageError` for an unknown or invalid option of `lease`. */
export function assertLeaseOptions(options: LeaseOptions): void {
  assertOptions('lease', options, LEASE_OPTIONS)
}

/** Throws a `UsageError` for an unknown or invalid option of `lock`. */
export function assertLockOptions(options: LockOptions): void {
  assertOptions('lock', options, LOCK_OPTIONS)
}
