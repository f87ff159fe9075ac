/** Options that a unit of work gives to all of its units: the defaults of its maker, and those of the request it is derived for. */
import { assertUnitDefaults } from './option-checks.ts'
import type { RunOptions, UnitDefaults } from './unit-options.ts'

type Tags = Readonly<Record<string, string>>

/** Options but the signals, all of which count. */
type Options = Omit<UnitDefaults, 'signal' | 'tags'>

export class DefaultOptions {
  /** Those of `createUnitOfWork`; any other value takes their place. */
  readonly #base: Options
  /** Those of `with`, merged. */
  readonly #derived: Options
  readonly #isEmpty: boolean
  /** Each of them stops every unit. */
  readonly signals: readonly AbortSignal[]
  /** `undefined` without any. */
  readonly tags: Tags | undefined

  private constructor(
    base: Options,
    derived: Options,
    { signals, tags }: Pick<DefaultOptions, 'signals' | 'tags'>,
  ) {
    this.#base = base
    this.#derived = derived
    this.#isEmpty = Object.keys({ ...base, ...derived }).length === 0
    this.signals = signals
    this.tags = tags
  }

  /** Throws a `UsageError` for an unknown or invalid option. */
  static of(base: UnitDefaults = {}): DefaultOptions {
    const none = new DefaultOptions({}, {}, { signals: [], tags: undefined })
    const { signals, tags } = none.#joined('createUnitOfWork.defaults', base)
    return new DefaultOptions(merged({}, base), {}, { signals, tags })
  }

  /** The options of a unit of work that is derived with `inner`. Throws as {@link DefaultOptions.of} does. */
  with(inner: UnitDefaults): DefaultOptions {
    const joined = this.#joined('with', inner)
    return new DefaultOptions(this.#base, merged(this.#derived, inner), joined)
  }

  /** The options of one unit, its signal apart: its own, and the defaults where it has none. The shorter deadline holds. */
  for(own: RunOptions): RunOptions {
    const { signal: _, ...options } = own
    return this.#isEmpty ? options : { ...this.#base, ...merged(this.#derived, options) }
  }

  #joined(where: string, inner: UnitDefaults): Pick<DefaultOptions, 'signals' | 'tags'> {
    assertUnitDefaults(where, inner)
    const { signal, tags = {} } = inner
    const all = Object.keys(tags).length === 0 ? this.tags : Object.freeze({ ...this.tags, ...tags })
    return { signals: signal === undefined ? this.signals : [...this.signals, signal], tags: all }
  }
}

function merged<O extends UnitDefaults>(outer: Options, given: O): Options & Omit<O, 'signal' | 'tags'> {
  const { signal: _, tags: __, ...inner } = given
  const timeout = shorter(outer.timeout, inner.timeout)
  return { ...outer, ...defined(inner), ...(timeout === undefined ? {} : { timeout }) }
}

/** An invalid `inner` is left to the check of the unit, which names it. */
function shorter(outer: number | undefined, inner: number | undefined): number | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner
  return typeof inner === 'number' && inner > outer ? outer : inner
}

/** Without options that are `undefined`, which would hide a default. */
function defined<O extends object>(options: O): O {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O
}
