/** What the loads of a unit have given, until something makes it doubtful. */
import type { Identity } from '../query/key-identity.ts'
import type { LoadSource, Query } from '../query/query.ts'
import type { Statement } from '../statement/statement.ts'

/** Names of tables, or `all` where nobody can tell. */
type Tables = ReadonlySet<string> | 'all'

const NONE: Tables = new Set()

interface Loaded {
  readonly rows: Map<Identity, readonly unknown[]>
  reads: Tables
}

export class LoadCache {
  /** What was known before the attempt that this one belongs to. */
  readonly #outer: LoadCache | undefined
  readonly #known = new Map<LoadSource, Loaded>()
  /** What the attempt may have written, so that the outer memory doesn't hold for it. */
  #written: Tables = NONE

  constructor(outer?: LoadCache) {
    this.#outer = outer
  }

  /** The rows of a key; none, as an empty list, is an answer too. */
  find(source: LoadSource, identity: Identity): readonly unknown[] | undefined {
    const rows = this.#known.get(source)?.rows.get(identity)
    if (rows !== undefined || this.#outer === undefined) return rows
    const reads = this.#outer.#readsOf(source)
    return reads === undefined || meet(reads, this.#written) ? undefined : this.#outer.find(source, identity)
  }

  /** Notes what is read by the query with which a source answers. */
  fetches(source: LoadSource, query: Query<unknown>): void {
    const loaded = this.#loaded(source)
    loaded.reads = union(loaded.reads, readBy(query))
  }

  remember(source: LoadSource, identity: Identity, rows: readonly unknown[]): void {
    this.#loaded(source).rows.set(identity, rows)
  }

  /** Forgets what a statement that was carried out may have changed. */
  ran(statement: Statement): void {
    if (this.#empty) return
    if (statement.kind === 'read' && !statement.mayWrite) return
    const calling = statement.kind === 'write' ? statement.calls.length > 0 : statement.mayWrite
    this.forget(calling || statement.opaque ? 'all' : namesOf(statement))
  }

  /** Forgets what is in these tables. */
  forget(tables: Tables = 'all'): void {
    for (const { rows, reads } of this.#known.values()) if (meet(reads, tables)) rows.clear()
    if (this.#outer !== undefined) this.#written = union(this.#written, tables)
  }

  /** Takes over what an attempt knows. One that failed leaves only doubts. */
  absorb(inner: LoadCache, succeeded: boolean): void {
    this.forget(inner.#written)
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

/** Tables that a query reads, as far as that is to be seen before it runs. */
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

/** Names without their schema and in lower case, since a table has several that are equal. */
function namesOf({ tables }: Statement): Tables {
  return new Set(tables.map((name) => name.slice(name.lastIndexOf('.') + 1).toLowerCase()))
}

function meet(a: Tables, b: Tables): boolean {
  if (a === 'all') return b === 'all' || b.size > 0
  if (b === 'all') return a.size > 0
  for (const name of b) if (a.has(name)) return true
  return false
}

function union(a: Tables, b: Tables): Tables {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b])
}
