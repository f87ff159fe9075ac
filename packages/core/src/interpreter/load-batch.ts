/** Loads of one loader that travel together. */
import type { Branch, Turn } from './branch.ts'
import { UsageError } from '../errors/errors.ts'
import { inStatements, rowsOfKeys } from '../query/key-fetch.ts'
import { type Identity, rowsByKey } from '../query/key-identity.ts'
import type { LoadCache } from './load-cache.ts'
import { type LoadPlan, type LoadSource, type Query, toQuery } from '../query/query.ts'

interface Load {
  readonly key: unknown
  readonly askers: Branch[]
}

type Loads = ReadonlyMap<Identity, Load>

/** Gathers loads until its flight departs. */
export class LoadBatch {
  readonly type = 'batch'
  readonly source: LoadSource
  readonly #label: string | undefined
  readonly #memory: LoadCache
  readonly #loads = new Map<Identity, Load>()

  constructor(source: LoadSource, label: string | undefined, memory: LoadCache) {
    this.source = source
    this.#label = label
    this.#memory = memory
  }

  add({ identity, key }: LoadPlan, asker: Branch): void {
    const load = this.#loads.get(identity)
    if (load === undefined) this.#loads.set(identity, { key, askers: [asker] })
    else load.askers.push(asker)
  }

  get branches(): readonly Branch[] {
    return askersOf(this.#loads)
  }

  /** The turns that end the waiting, last first: of who asked for what is known meanwhile, and of the fetches of the rest. */
  depart(): Turn[] {
    const known: Turn[] = []
    const unknown: [Identity, Load][] = []
    for (const [identity, load] of this.#loads) {
      const rows = this.#memory.find(this.source, identity)
      if (rows === undefined) unknown.push([identity, load])
      else for (const branch of load.askers) known.push({ branch, up: rows })
    }
    return [...inStatements(unknown).map((loads) => this.#fetch(loads)), ...known].toReversed()
  }

  /** A branch that fetches the rows of these keys, for all who ask for them. */
  #fetch(loads: Loads): Turn {
    const { keyOf } = this.source
    const fetch = (keys: readonly unknown[]): Query<unknown> => {
      const query = toQuery(this.source.fetch(keys))
      this.#memory.fetches(this.source, query)
      return query
    }
    const keys = new Map(Array.from(loads, ([identity, { key }]) => [identity, key]))
    // Where the caller's function throws, it is this branch that fails.
    const next = (): Query<unknown> => rowsOfKeys(keys, { fetch, keyOf, label: this.#label })
    const branch: Branch = {
      frames: [{ type: 'then', next }],
      label: this.#label,
      end: { type: 'fetch', askers: () => askersOf(loads), deliver: (rows) => this.#deliver(loads, rows) },
    }
    return { branch, up: undefined }
  }

  #deliver(loads: Loads, rows: unknown): Turn[] {
    if (!Array.isArray(rows)) {
      throw new UsageError(`expected the fetch of a loader to give rows, got ${typeof rows}`)
    }
    const found = rowsByKey(rows as readonly unknown[], this.source.keyOf, loads, this.#label)
    const turns: Turn[] = []
    for (const [identity, { askers }] of loads) {
      const own = found.get(identity) ?? []
      this.#memory.remember(this.source, identity, own)
      for (const branch of askers) turns.push({ branch, up: own })
    }
    return turns.toReversed()
  }
}

function askersOf(loads: Loads): readonly Branch[] {
  return Array.from(loads.values(), ({ askers }) => askers).flat()
}
