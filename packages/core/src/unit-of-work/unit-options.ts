/** The options of each function of a unit of work. */
import type { UnitAccess } from '../events.ts'
import { assertKnown } from '../options/known-options.ts'
import { assertSignal } from './deadline.ts'
import type { LeaseOptions, LockOptions, RunOptions, UnitOfWorkOptions } from './unit-of-work.ts'

/** Includes the access mode, which `read` and `stream` set. */
const READING = [
  'accessMode',
  'isolationLevel',
  'label',
  'retry',
  'signal',
  'snapshot',
  'statementTimeout',
  'timeout',
] as const satisfies (keyof RunOptions)[]

const READ_OPTIONS: ReadonlySet<string> = new Set(READING)
const STREAM_OPTIONS: ReadonlySet<string> = new Set(READING.filter((name) => name !== 'retry'))
const RUN_OPTIONS: ReadonlySet<string> = new Set([
  ...READING,
  'commitTimeout',
  'outcomeKey',
] satisfies (keyof RunOptions)[])

const BEGIN_OPTIONS: ReadonlySet<string> = new Set([
  ...READING.filter((name) => name !== 'retry'),
  'commitTimeout',
])

const UNIT_OF_WORK_OPTIONS: ReadonlySet<string> = new Set([
  'leakAfter',
  'onHookError',
  'warnUnused',
] satisfies (keyof UnitOfWorkOptions)[])

const LEASE_OPTIONS: ReadonlySet<string> = new Set(['label', 'signal'] satisfies (keyof LeaseOptions)[])
const LOCK_OPTIONS: ReadonlySet<string> = new Set(['wait'] satisfies (keyof LockOptions)[])

/** Throws a `UsageError` for an unknown option of `lease`, or an invalid signal. */
export function assertLeaseOptions(options: LeaseOptions): void {
  assertKnown('lease', options, LEASE_OPTIONS)
  if (options.signal !== undefined) assertSignal(options.signal)
}

/** Throws a `UsageError` for an unknown option of `lock`. */
export function assertLockOptions(options: LockOptions): void {
  assertKnown('lock', options, LOCK_OPTIONS)
}

/** Throws a `UsageError` for an unknown option. */
export function assertUnitOptions(access: UnitAccess | 'stream', options: object): void {
  const known =
    { run: RUN_OPTIONS, stream: STREAM_OPTIONS, begin: BEGIN_OPTIONS }[access as string] ?? READ_OPTIONS
  assertKnown(access, options, known)
}

/** Throws a `UsageError` for an unknown option of `createUnitOfWork`, the driver and the defaults left out. */
export function assertUnitOfWorkOptions(options: object): void {
  assertKnown('createUnitOfWork', options, UNIT_OF_WORK_OPTIONS)
}
