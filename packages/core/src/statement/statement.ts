/**
 * A statement: SQL text, parameters, and traits from Kysely's operation node. No other file inspects the nodes of a
 * compiled query.
 */
import type { CompiledQuery, KyselyPlugin, OperationNode, TableNode, WithNode } from 'kysely'
import { type SqlTraits, traitsOf } from './sql-traits.ts'
import { type HiddenMarks, type Reading, readingsOf } from './sql-words.ts'

/** `unknown` covers raw SQL and DDL, whose node has no kind. Such a statement may change the session or commit. */
export type StatementKind = 'read' | 'locking read' | 'write' | 'unknown'

export class Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly kind: StatementKind
  /** The output of the builder's query compiler, with the compiler's data for its driver. */
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

  /** Names of the mentioned tables, without CTEs: `table`, or `schema.table` if written with a schema. */
  get tables(): readonly string[] {
    return this.#mentioned.tables
  }

  /** Whether a part is raw SQL, which may mention tables that {@link tables} lacks. */
  get opaque(): boolean {
    return this.#mentioned.raw
  }

  get #mentioned(): Mentions {
    return (this.#mentions ??= mentionsOf(this.compiled.query))
  }

  /** Tokens of the text; see {@link readingsOf}. */
  get readings(): readonly Reading[] {
    return readingsOf(this.sql)
  }

  /** The first word of the text; several if it depends on the server. */
  get verbs(): readonly string[] {
    return this.#traits.verbs
  }

  /** Functions that the text calls; see {@link SqlTraits}. */
  get calls(): readonly string[] {
    return this.#traits.calls
  }

  /** Question marks of the text within quotes or comments. */
  get hiddenMarks(): HiddenMarks {
    return this.#traits.hiddenMarks
  }

  /** Whether the text assigns to a variable, a file or a sequence. Called functions are unknown. */
  get assigns(): boolean {
    return this.#traits.assigns
  }

  /** Whether it may change data: a write, an unknown statement, or a read with a function call, which may write. */
  get mayWrite(): boolean {
    return this.kind === 'write' || this.kind === 'unknown' || this.assigns || this.calls.length > 0
  }

  /** Whether it may end the transaction: raw SQL, unless its verb is known not to. */
  get mayCommit(): boolean {
    return this.kind === 'unknown' && this.#traits.mayCommit
  }

  /**
   * Whether it is a plain read by its text: it locks nothing, assigns nothing and writes no file. Only the server knows
   * whether a called function does.
   */
  get reads(): boolean {
    return this.kind === 'unknown' ? this.#traits.reads : this.kind === 'read' && !this.assigns
  }

  /** Whether it is, or may be, a write with rows in its answer, such as `INSERT … RETURNING`. */
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

  /** Applies the result side of the builder's Kysely plugins. */
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
      // EXPLAIN with options such as ANALYZE may run the statement.
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
          // Without RECURSIVE, a CTE's own name within it means a table.
          open.push([expression, value.with.recursive === true ? known : ctes])
          ctes = known
        }
      }
      for (const [key, part] of Object.entries(value)) if (key !== 'with') open.push([part, ctes])
    }
  }
  return { tables: [...tables].sort(), raw }
}

/** Nodes to skip: values, and the qualifier of a column, which is an alias or a table that another node names. */
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
