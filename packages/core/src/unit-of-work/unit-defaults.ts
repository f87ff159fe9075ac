/** Options that a unit of work gives to all of its units: the defaults of its maker, and those of the request it is derived for. */
import { UsageError } from '../errors/errors.ts'
import { assertKnown } from '../options/known-options.ts'
import { milliseconds } from '../options/milliseconds.ts'
import { assertSignal, commitLimit } from './deadline.ts'
import { retryOf } from './retry.ts'
import type { RunOptions, UnitDefaults } from './unit-of-work.ts'

const NAMES: ReadonlySet<string> = new Set([
  'commitTimeout',
  'isolationLevel',
  'label',
  'retry',
  'signal',
  'snapshot',
  'statementTimeout',
  'tags',
  'timeout',
] satisfies (keyof UnitDefaults)[])

export type Tags = Readonly<Record<string, string>>

export class DefaultOptions {
  /** Those of `createUnitOfWork`; any other value takes their place. */
  readonly #base: UnitDefaults
  /** Those of `with`, merged. */
  readonly #derived: UnitDefaults

  /** The unit of work has none, as most do. */
  readonly #isEmpty: boolean

  private constructor(base: UnitDefaults, derived: UnitDefaults) {
    this.#base = base
    this.#derived = derived
    this.#isEmpty = Object.keys({ ...base, ...derived }).length === 0
  }

  /** Throws a `UsageError` for an unknown option, or tags that are no strings. */
  static of(base: UnitDefaults = {}): DefaultOptions {
    assertDefaults('createUnitOfWork.defaults', base)
    return new DefaultOptions(defined(base), {})
  }

  /** The options of a unit of work that is derived with `inner`. Throws as {@link DefaultOptions.of} does. */
  with(inner: UnitDefaults): DefaultOptions {
    assertDefaults('with', inner)
    return new DefaultOptions(this.#base, merged(this.#derived, inner))
  }

  get tags(): Tags | undefined {
    return merged(this.#base, this.#derived).tags
  }

  /** The options of one unit: its own, and the defaults where it has none. The shorter deadline holds. */
  for(options: RunOptions): RunOptions {
    if (this.#isEmpty) return options
    const { tags: _, ...all } = { ...this.#base, ...merged(this.#derived, options) }
    const signal = either(this.#base.signal, all.signal === this.#base.signal ? undefined : all.signal)
    return signal === undefined ? all : { ...all, signal }
  }
}

function merged<O extends UnitDefaults>(outer: UnitDefaults, inner: O): UnitDefaults & O {
  const timeout = shorter(outer.timeout, inner.timeout)
  const signal = either(outer.signal, inner.signal)
  const tags = { ...outer.tags, ...inner.tags }
  return {
    ...outer,
    ...defined(inner),
    ...(timeout === undefined ? {} : { timeout }),
    ...(signal === undefined ? {} : { signal }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  }
}

/** An invalid `inner` is left to the check of the unit, which names it. */
function shorter(outer: number | undefined, inner: number | undefined): number | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner
  return typeof inner === 'number' && inner > outer ? outer : inner
}

function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other])
}

/** Without options that are `undefined`, which would hide a default. */
function defined<O extends object>(options: O): O {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O
}

function assertDefaults(where: string, options: UnitDefaults): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(
      `${where}: expected an object of options, got ${options === null ? 'null' : typeof options}`,
    )
  }
  assertKnown(where, options, NAMES)
  const { tags = {}, timeout, commitTimeout, signal, retry } = options
  if (timeout !== undefined) milliseconds('timeout', timeout)
  if (signal !== undefined) assertSignal(signal)
  commitLimit(commitTimeout)
  retryOf('body', retry)
  for (const [name, value] of Object.entries(tags)) {
    if (typeof value === 'string') continue
    throw new UsageError(`${where}.tags: expected strings, got ${typeof value} for ${name}`)
  }
}
