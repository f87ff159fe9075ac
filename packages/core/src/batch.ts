/** Loads of one loader that travel together. */
import type { Branch, Turn } from './branch.ts'
import { UsageError } from './errors.ts'
import { succeed } from './combine.ts'
import {
  assertNone,
  doubtfulKeys,
  type Identity,
  identityOf,
  inStatements,
  mayBeDoubtful,
  rowsByKey,
} from './keys.ts'
import type { Memory } from './memory.ts'
import { type LoadPlan, type LoadSource, type Query, toQuery } from './query.ts'

interface Load {
  readonly key: unknown
  readonly askers: Branch[]
}

type Loads = ReadonlyMap<Identity, Load>

/** Gathers loads until its flight departs. */
export class Batch {
  readonly type = 'batch'
  readonly source: LoadSource
  readonly #label: string | undefined
  readonly #memory: Memory
  readonly #loads = new Map<Identity, Load>()

  constructor(source: LoadSource, label: string | undefined, memory: Memory) {
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
    // Where the caller's function throws, it is this branch that fails.
    const next = (keys: unknown): Query<unknown> => {
      const query = toQuery(this.source.fetch(keys as readonly unknown[]))
      this.#memory.fetches(this.source, query)
      return query
    }
    const again = (rows: unknown): Query<unknown> => this.#askAgain(loads, rows)
    const branch: Branch = {
      frames: [
        ...(mayBeDoubtful(loads) ? [{ type: 'then', next: again } as const] : []),
        { type: 'then', next },
      ],
      label: this.#label,
      end: { type: 'fetch', askers: () => askersOf(loads), deliver: (rows) => this.#deliver(loads, rows) },
    }
    return { branch, up: Array.from(loads.values(), ({ key }) => key) }
  }

  /** The rows, once it is known that none of those belongs to a key that has none. */
  #askAgain(loads: Loads, rows: unknown): Query<unknown> {
    assertRows(rows)
    const found = new Set(rows.map((row) => identityOf(this.source.keyOf(row))))
    const doubtful = doubtfulKeys(loads, found)
    if (doubtful.length === 0) return succeed(rows)
    return toQuery(this.source.fetch(doubtful.map(({ key }) => key))).map((others) => {
      assertNone(others, this.#label)
      return rows
    })
  }

  #deliver(loads: Loads, rows: unknown): Turn[] {
    assertRows(rows)
    const found = rowsByKey(rows, this.source.keyOf, loads, this.#label)
    const turns: Turn[] = []
    for (const [identity, { askers }] of loads) {
      const own = found.get(identity) ?? []
      this.#memory.remember(this.source, identity, own)
      for (const branch of askers) turns.push({ branch, up: own })
    }
    return turns.toReversed()
  }
}

function assertRows(rows: unknown): asserts rows is readonly unknown[] {
  if (Array.isArray(rows)) return
  throw new UsageError(`expected the fetch of a loader to give rows, got ${typeof rows}`)
}

function askersOf(loads: Loads): readonly Branch[] {
  return Array.from(loads.values(), ({ askers }) => askers).flat()
}
