/**
 * A statement: SQL text, its parameters, and the traits read off Kysely's operation node. This is the only
 * place that looks at what Kysely compiled.
 */
import type { CompiledQuery, KyselyPlugin, OperationNode, TableNode, WithNode } from 'kysely'
import { type SqlTraits, traitsOf } from './sql-traits.ts'
import { type HiddenMarks, type Reading, readingsOf } from './sql-words.ts'

/** `unknown` is what Kysely can't tell: raw SQL, DDL. Such a statement may change the session or commit. */
export type StatementKind = 'read' | 'locking read' | 'write' | 'unknown'

export class Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly kind: StatementKind
  /** What the builder's own query compiler made, with all that it put there for its driver. */
  readonly compiled: CompiledQuery
  readonly #plugins: readonly KyselyPlugin[]
  #mentions: Mentions | undefined
  readonly #traits: SqlTraits

  constructor(compiled: CompiledQuery, plugins: readonly KyselyPlugin[]) {
    this.#traits = traitsOf(compiled.sql)
    this.sql = this.#traits.sql
    this.parameters = compiled.parameters
    this.kind = kindOf(compiled, this.#traits)
    this.compiled = compiled
    this.#plugins = plugins
  }

  /** Names of the tables that the statement mentions, `schema.table` where a schema is given; a CTE is none. */
  get tables(): readonly string[] {
    return this.#mentioned.tables
  }

  /** Whether part of it is raw SQL, which may mention tables that {@link tables} doesn't have. */
  get opaque(): boolean {
    return this.#mentioned.raw
  }

  get #mentioned(): Mentions {
    return (this.#mentions ??= mentionsOf(this.compiled.query))
  }

  /** Its text as the server may read it; see {@link readingsOf}. */
  get readings(): readonly Reading[] {
    return readingsOf(this.sql)
  }

  /** The first word of its text; several where it depends on the server. */
  get verbs(): readonly string[] {
    return this.#traits.verbs
  }

  /** What its text calls; see {@link SqlTraits}. */
  get calls(): readonly string[] {
    return this.#traits.calls
  }

  /** The question marks of its text that are within quotes or comments. */
  get hiddenMarks(): HiddenMarks {
    return this.#traits.hiddenMarks
  }

  /** Whether its text assigns to a variable, a file or a sequence, as far as it tells. */
  get assigns(): boolean {
    return this.#traits.assigns
  }

  /** Whether it can change data: a write, what is unknown, and a read that calls functions, since those may write. */
  get mayWrite(): boolean {
    return this.kind === 'write' || this.kind === 'unknown' || this.assigns || this.calls.length > 0
  }

  /** Whether it may end the transaction: raw SQL, other than statements that are known not to. */
  get mayCommit(): boolean {
    return this.kind === 'unknown' && this.#traits.mayCommit
  }

  /**
   * Whether it is a plain read: one that locks nothing, sets nothing and writes no file, as far as its text tells. The
   * server knows whether a function that it calls does.
   */
  get reads(): boolean {
    return this.kind === 'unknown' ? this.#traits.reads : this.kind === 'read' && !this.assigns
  }

  /** Whether it is a write that answers with rows, as `INSERT … RETURNING` does, or may be one. */
  get returning(): boolean {
    const node = this.compiled.query
    return (
      ('returning' in node && node.returning !== undefined) ||
      (this.kind === 'write' && this.#traits.returning)
    )
  }

  /** Whether rows must pass through {@link transform} before they are decoded. */
  get transforms(): boolean {
    return this.#plugins.length > 0
  }

  /** The result side of the Kysely plugins that the builder was made with. */
  async transform(rows: readonly unknown[]): Promise<readonly unknown[]> {
    let result = { rows: rows as Record<string, unknown>[] }
    for (const plugin of this.#plugins) {
      result = await plugin.transformResult({ queryId: this.compiled.queryId, result })
    }
    return result.rows
  }
}

function kindOf({ query }: CompiledQuery, { locks }: SqlTraits): StatementKind {
  switch (query.kind) {
    case 'SelectQueryNode':
      // With options, as ANALYZE is one, EXPLAIN may run what it explains.
      if (query.explain !== undefined && query.explain.options === undefined) return 'read'
      return locks ? 'locking read' : 'read'
    case 'InsertQueryNode':
    case 'UpdateQueryNode':
    case 'DeleteQueryNode':
    case 'MergeQueryNode':
      return 'write'
    default:
      return 'unknown'
  }
}

interface Mentions {
  readonly tables: readonly string[]
  readonly raw: boolean
}

function mentionsOf(root: OperationNode): Mentions {
  const tables = new Set<string>()
  let raw = false
  const open: [value: unknown, ctes: ReadonlySet<string>][] = [[root, new Set()]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, outer] = next
    if (Array.isArray(value)) {
      for (const item of value as readonly unknown[]) open.push([item, outer])
    } else if (isNode(value) && !NAMES_NO_TABLE.has(value.kind)) {
      if (isTableNode(value)) {
        const { schema, identifier } = value.table
        if (schema !== undefined) tables.add(`${schema.name}.${identifier.name}`)
        else if (!outer.has(identifier.name)) tables.add(identifier.name)
        continue
      }
      raw ||= value.kind === 'RawNode'
      let ctes = outer
      if (hasWith(value)) {
        for (const { name, expression } of value.with.expressions) {
          const known = new Set(ctes).add(name.table.table.identifier.name)
          // Only in a recursive one does its own name stand for itself, and not for a table.
          open.push([expression, value.with.recursive === true ? known : ctes])
          ctes = known
        }
      }
      for (const [key, part] of Object.entries(value)) if (key !== 'with') open.push([part, ctes])
    }
  }
  return { tables: [...tables].sort(), raw }
}

/** Values are no SQL, and what qualifies a column, often an alias, is named as a table elsewhere. */
const NAMES_NO_TABLE: ReadonlySet<string> = new Set([
  'PrimitiveValueListNode',
  'ReferenceNode',
  'ValueNode',
] satisfies OperationNode['kind'][])

function isNode(value: unknown): value is OperationNode {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string'
}

function hasWith(node: OperationNode): node is OperationNode & { readonly with: WithNode } {
  return 'with' in node && node.with !== undefined
}

function isTableNode(node: OperationNode): node is TableNode {
  return node.kind === 'TableNode'
}
