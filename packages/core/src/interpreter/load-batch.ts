/** The loads of one loader that share a fetch (as DataLoader's batches do). */
import type { Branch, Step } from './branch.ts'
import { UsageError } from '../errors/errors.ts'
import { inStatements, rowsOfKeys } from '../query/key-fetch.ts'
import { type Identity, rowsByKey } from '../query/key-identity.ts'
import type { LoadCache } from './load-cache.ts'
import { type LoadPlan, type LoadSource, type Query, toQuery } from '../query/query.ts'

interface Load {
  readonly key: unknown
  readonly waiters: Branch[]
}

type Loads = ReadonlyMap<Identity, Load>

/** Collects loads until their flight is taken. */
export class LoadBatch {
  readonly type = 'batch'
  readonly source: LoadSource
  readonly #label: string | undefined
  readonly #cache: LoadCache
  readonly #loads = new Map<Identity, Load>()

  constructor(source: LoadSource, label: string | undefined, cache: LoadCache) {
    this.source = source
    this.#label = label
    this.#cache = cache
  }

  add({ identity, key }: LoadPlan, waiter: Branch): void {
    const load = this.#loads.get(identity)
    if (load === undefined) this.#loads.set(identity, { key, waiters: [waiter] })
    else load.waiters.push(waiter)
  }

  get branches(): readonly Branch[] {
    return waitersOf(this.#loads)
  }

  /** Steps in reverse order: waiters of keys that are cached by now, then a fetch for the other keys. */
  dispatch(): Step[] {
    const known: Step[] = []
    const unknown: [Identity, Load][] = []
    for (const [identity, load] of this.#loads) {
      const rows = this.#cache.find(this.source, identity)
      if (rows === undefined) unknown.push([identity, load])
      else for (const branch of load.waiters) known.push({ branch, up: rows })
    }
    return [...inStatements(unknown).map((loads) => this.#fetch(loads)), ...known].toReversed()
  }

  /** The first step of a branch that fetches the rows of these keys for all their waiters. */
  #fetch(loads: Loads): Step {
    const { keyOf } = this.source
    const fetch = (keys: readonly unknown[]): Query<unknown> => {
      const query = toQuery(this.source.fetch(keys))
      this.#cache.noteReads(this.source, query)
      return query
    }
    const keys = new Map(Array.from(loads, ([identity, { key }]) => [identity, key]))
    // In a frame, so that an error of the caller's function fails this branch only.
    const next = (): Query<unknown> => rowsOfKeys(keys, { fetch, keyOf, label: this.#label })
    const branch: Branch = {
      frames: [{ type: 'then', next }],
      label: this.#label,
      end: { type: 'fetch', waiters: () => waitersOf(loads), deliver: (rows) => this.#deliver(loads, rows) },
    }
    return { branch, up: undefined }
  }

  #deliver(loads: Loads, rows: unknown): Step[] {
    if (!Array.isArray(rows)) {
      throw new UsageError(`expected the fetch of a loader to give rows, got ${typeof rows}`)
    }
    const found = rowsByKey(rows as readonly unknown[], this.source.keyOf, loads, this.#label)
    const steps: Step[] = []
    for (const [identity, { waiters }] of loads) {
      const own = found.get(identity) ?? []
      this.#cache.set(this.source, identity, own)
      for (const branch of waiters) steps.push({ branch, up: own })
    }
    return steps.toReversed()
  }
}

function waitersOf(loads: Loads): readonly Branch[] {
  return Array.from(loads.values(), ({ waiters }) => waiters).flat()
}
