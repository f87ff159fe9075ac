/** Cache of a unit's loads. Writes that may affect an entry invalidate it. */
import type { Identity } from '../query/key-identity.ts'
import type { LoadSource, Query } from '../query/query.ts'
import type { Statement } from '../statement/statement.ts'

/** Names of tables; `all` if they are unknown. */
type Tables = ReadonlySet<string> | 'all'

const NONE: Tables = new Set()

interface Loaded {
  readonly rows: Map<Identity, readonly unknown[]>
  reads: Tables
}

export class LoadCache {
  /** Cache of the unit; absent unless this is the cache of an attempt. */
  readonly #outer: LoadCache | undefined
  readonly #known = new Map<LoadSource, Loaded>()
  /** Tables that the attempt may have written: it ignores the outer cache for them. */
  #written: Tables = NONE

  constructor(outer?: LoadCache) {
    this.#outer = outer
  }

  /** The cached rows of a key, which may be an empty list; `undefined` on a miss. */
  find(source: LoadSource, identity: Identity): readonly unknown[] | undefined {
    const rows = this.#known.get(source)?.rows.get(identity)
    if (rows !== undefined || this.#outer === undefined) return rows
    const reads = this.#outer.#readsOf(source)
    return reads === undefined || overlap(reads, this.#written)
      ? undefined
      : this.#outer.find(source, identity)
  }

  /** Records the tables that a source reads by `query`, so that writes to them invalidate its rows. */
  noteReads(source: LoadSource, query: Query<unknown>): void {
    const loaded = this.#loaded(source)
    loaded.reads = union(loaded.reads, readBy(query))
  }

  set(source: LoadSource, identity: Identity, rows: readonly unknown[]): void {
    this.#loaded(source).rows.set(identity, rows)
  }

  /** Drops the rows that an executed statement may have changed. */
  invalidate(statement: Statement): void {
    if (this.#empty) return
    if (statement.kind === 'read' && !statement.mayWrite) return
    const calling = statement.kind === 'write' ? statement.calls.length > 0 : statement.mayWrite
    this.clear(calling || statement.opaque ? 'all' : namesOf(statement))
  }

  /** Drops the rows of sources that read one of these tables. */
  clear(tables: Tables = 'all'): void {
    for (const { rows, reads } of this.#known.values()) if (overlap(reads, tables)) rows.clear()
    if (this.#outer !== undefined) this.#written = union(this.#written, tables)
  }

  /** Merges the cache of an attempt. A failed attempt only invalidates. */
  merge(inner: LoadCache, succeeded: boolean): void {
    this.clear(inner.#written)
    if (!succeeded) return
    for (const [source, { rows, reads }] of inner.#known) {
      const loaded = this.#loaded(source)
      loaded.reads = union(loaded.reads, reads)
      for (const [identity, found] of rows) loaded.rows.set(identity, found)
    }
  }

  get #empty(): boolean {
    return this.#known.size === 0 && (this.#outer === undefined || this.#outer.#empty)
  }

  #readsOf(source: LoadSource): Tables | undefined {
    const own = this.#known.get(source)?.reads
    const outer = this.#outer === undefined ? undefined : this.#outer.#readsOf(source)
    return own === undefined || outer === undefined ? (own ?? outer) : union(own, outer)
  }

  #loaded(source: LoadSource): Loaded {
    let loaded = this.#known.get(source)
    if (loaded === undefined) {
      loaded = { rows: new Map(), reads: NONE }
      this.#known.set(source, loaded)
    }
    return loaded
  }
}

/** Tables that a query reads; `all` if its statements are unknown before it runs. */
function readBy(query: Query<unknown>): Tables {
  const plan = query['~plan']
  switch (plan.type) {
    case 'statement':
      return plan.statement.kind === 'unknown' || plan.statement.opaque ? 'all' : namesOf(plan.statement)
    case 'map':
    case 'label':
      return readBy(plan.source)
    case 'succeed':
      return NONE
    default:
      return 'all'
  }
}

/** Names in lower case and without their schema, since one table may be named in several ways. */
function namesOf({ tables }: Statement): Tables {
  return new Set(tables.map((name) => name.slice(name.lastIndexOf('.') + 1).toLowerCase()))
}

function overlap(a: Tables, b: Tables): boolean {
  if (a === 'all') return b === 'all' || b.size > 0
  if (b === 'all') return a.size > 0
  for (const name of b) if (a.has(name)) return true
  return false
}

function union(a: Tables, b: Tables): Tables {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b])
}
