/**
 * Queries: immutable values that describe statements and the decoding of their results. A query never runs itself and is
 * no promise, so an async function can return it, and any number of units can run it.
 */
import { inspect } from 'node:util'
import { type Compilable, type CompiledQuery, type InferResult, isCompilable } from 'kysely'
import { composedPlugins } from '../statement/compile-only-kysely.ts'
import { type ResultPlace, UsageError } from '../errors/errors.ts'
import type { Identity } from './key-identity.ts'
import { abridged } from '../errors/messages.ts'
import type { AccessOfRelations, Nested, Relations, RowIn } from './relation-types.ts'
import type { StatementResult } from '../statement/statement-result.ts'
import type { ServerFacts } from '../statement/server-facts.ts'
import { leadToPlace } from '../errors/stack-trace.ts'
import { Statement } from '../statement/statement.ts'

/** A builder of the compile-only Kysely, or the result of its `compile()` (raw SQL: ``sql`…`.compile(db)``). */
export type Builder<O = unknown> = Compilable<O> | CompiledQuery<O>

/** A builder that only reads: `selectFrom(…)`. */
export type SelectBuilder<O = unknown> = Compilable<O> & { readonly isSelectQueryBuilder: true }

/**
 * The access that a query needs, as far as its type shows. Select builders have `'read'`; all other builders, raw SQL and
 * compiled queries have `'write'`. A query that combines both has `'read' | 'write'`.
 */
export type Access = 'read' | 'write'

/** A query, or a Kysely builder, which stands for the query of its rows. Both can be run and combined; `yield*` needs a query. */
export type Queryable<A extends Access = Access> =
  | Query<unknown, A>
  | ('write' extends A ? Builder : SelectBuilder)

/** A query whose result is a list of rows, or a Kysely builder. */
export type RowsQueryable<A extends Access = Access> =
  | Query<readonly object[], A>
  | ('write' extends A ? Builder : SelectBuilder)

/** The result of running `Q`. */
export type ResultOf<Q> =
  Q extends Query<infer T> ? T : Q extends Compilable | CompiledQuery ? InferResult<Q> : never

/** The access that `Q` needs; for a union of queries, the union. */
export type AccessOf<Q> =
  Q extends Query<unknown, infer A> ? A : Q extends { readonly isSelectQueryBuilder: true } ? 'read' : 'write'

/** The structure of a query, as data for the interpreter. */
export type Plan =
  | StatementPlan
  | { readonly type: 'succeed'; readonly value: unknown }
  | { readonly type: 'fail'; readonly error: unknown }
  | { readonly type: 'map'; readonly source: Query<unknown>; readonly transform: (value: unknown) => unknown }
  | { readonly type: 'then'; readonly source: Query<unknown>; readonly next: (value: unknown) => Queryable }
  | { readonly type: 'label'; readonly source: Query<unknown>; readonly label: string }
  | {
      readonly type: 'all'
      readonly branches: readonly Queryable[]
      readonly collect: (values: unknown[]) => unknown
    }
  | { readonly type: 'program'; readonly body: () => Iterator<Queryable, unknown, unknown> }
  | {
      readonly type: 'each'
      readonly items: readonly unknown[]
      readonly make: (item: unknown, index: number) => Queryable
    }
  | LoadPlan
  | {
      readonly type: 'with'
      readonly source: Query<unknown>
      readonly relations: Readonly<Record<string, unknown>>
    }
  | { readonly type: 'attempt'; readonly source: Query<unknown> }
  | { readonly type: 'server'; readonly choose: (server: ServerFacts) => Queryable }
  | { readonly type: 'hook'; readonly on: 'commit' | 'rollback'; readonly hook: Hook }

export interface StatementPlan {
  readonly type: 'statement'
  readonly statement: Statement
  /** Makes the result from the server's answer, or throws. */
  readonly decode: (answer: DecodeInput) => unknown
  /** Whether `decode` can throw. If it can't, COMMIT may share the flight of the statement. */
  readonly checked: boolean
}

/** One key of a loader; the interpreter fetches keys of the same source together. */
export interface LoadPlan {
  readonly type: 'load'
  readonly source: LoadSource
  readonly key: unknown
  readonly identity: Identity
  /** Makes the result from the rows of the key, or throws. */
  readonly pick: (rows: readonly unknown[], label: string | undefined) => unknown
}

/** The functions that loads of one batch share. */
export interface LoadSource {
  /** Makes the query of the rows of all these keys. */
  readonly fetch: (keys: readonly unknown[]) => Queryable
  readonly keyOf: (row: unknown) => unknown
}

export interface DecodeInput extends ResultPlace {
  readonly result: StatementResult
  /** The rows, transformed by the builder's plugins; for a write without rows, Kysely's result object. */
  readonly rows: readonly unknown[]
}

/** Work outside of the database, called after the unit has ended. A returned promise is awaited. */
export type Hook = () => unknown

/**
 * An immutable description of statements, and of how their results become a `T`. A query with the access `'read'` changes
 * nothing; a `Query<T>` without an access may do both.
 *
 * Run it with `uow.run(query)`, in a body with `q(query)`, in a program with `yield* query`.
 *
 * @example
 * ```ts
 * const names = accounts.list({ orderBy: ['id'] }).map((rows) => rows.map(({ name }) => name))
 * await uow.read(names) // [ 'Ann', 'Bob' ]
 * await uow.run(async (q) => (await q(names)).length) // 2
 * ```
 */
export class Query<out T, out A extends Access = Access> {
  /** For the interpreter only. */
  readonly '~plan': Plan

  /** For Leasehold only: use `one`, `many`, `all`, `program` and the other functions that return queries. */
  constructor(plan: Plan) {
    this['~plan'] = plan
    Object.freeze(this)
    watch?.made(this)
  }

  /**
   * The same query with `transform` applied to its result. An error that `transform` throws fails the unit.
   *
   * @example
   * ```ts
   * const name = accounts.byId(1).map((row) => row.name)
   * await uow.read(name) // 'Ann'
   * ```
   */
  map<U>(transform: (value: T) => U): Query<U, A> {
    return new Query({ type: 'map', source: this, transform: transform as (value: unknown) => unknown })
  }

  /**
   * Continues with the query that `next` makes from this one's result. An error that `next` throws fails the unit.
   *
   * @example
   * ```ts
   * const raise = accounts.byId(1).andThen(({ id, cents }) => accounts.patch(id, { cents: cents + 1 }))
   * await uow.run(raise)
   * ```
   */
  andThen<const Q extends Queryable>(next: (value: T) => Q): Query<ResultOf<Q>, A | AccessOf<Q>> {
    return new Query({ type: 'then', source: this, next: next as (value: unknown) => Queryable })
  }

  /** The same query with a label, which events and errors show for each of its statements that has no label of its own. */
  named(label: string): Query<T, A> {
    return new Query({ type: 'label', source: this, label })
  }

  /**
   * The same rows with related rows nested into them, for a query of many rows, of one row or of at most one. Each
   * relation needs one statement per 1 000 keys; the relations of one call share flights. `relation.with({ … })` nests
   * deeper. A relation replaces a column of its name.
   *
   * The unit fails with a `UsageError` when the rows lack the relation's column `from`, or the column holds a fraction.
   *
   * @example
   * ```ts
   * const account = belongsTo(accounts.byIds, { from: 'accountId', to: 'id' })
   * const found = await uow.read(orders.list().with({ account }))
   * console.log(found.map((order) => order.account.name)) // [ 'Ann', 'Ann' ]
   * ```
   */
  with<Rows extends object | null | undefined, R extends Relations<RowIn<Rows>>>(
    this: Query<Rows, A>,
    relations: R,
  ): Query<Nested<Rows, R>, A | AccessOfRelations<R>> {
    return new Query({ type: 'with', source: this, relations })
  }

  /**
   * A query is not its result. A web framework that serialized one would send its SQL and parameters to the client.
   *
   * @throws {UsageError} always.
   */
  toJSON(): never {
    throw new UsageError(
      `${this.toString()} was serialized as JSON, but it is a query and not its result: run it first, as in await uow.run(query)`,
    )
  }

  /** The label and SQL in one line, without parameters. */
  toString(): string {
    return `Query(${described(this['~plan'])})`
  }

  /** Runs the query in a program: `const row = yield* query`. */
  [Symbol.iterator](): Iterator<Query<unknown, A>, T> {
    watch?.used(this)
    return new Step(this)
  }
}

// console.log(query) shows the label and SQL instead of the plan.
Object.defineProperty(Query.prototype, inspect.custom, {
  value(this: Query<unknown>): string {
    return this.toString()
  },
})

function described(plan: Plan, label?: string): string {
  if (plan.type === 'label') return described(plan.source['~plan'], label ?? plan.label)
  if (plan.type === 'statement') {
    const { sql } = plan.statement
    const line = abridged(sql.replaceAll(/\s+/g, ' '))
    return label === undefined ? line : `${abridged(label)}: ${line}`
  }
  if (label !== undefined) return abridged(label)
  return 'source' in plan && plan.source instanceof Query ? described(plan.source['~plan']) : plan.type
}

/** Callbacks for every query that is made, and every query that is run or yielded. */
export interface QueryWatch {
  made(query: Query<unknown>): void
  used(query: Query<unknown>): void
}

let watch: QueryWatch | undefined

/** Reports all queries of the process to `watching`, in place of an earlier watch. */
export function watchQueries(watching: QueryWatch): void {
  watch = watching
}

/** The plan of a query that is about to run; reports the query as used. */
export function planOf(query: Query<unknown>): Plan {
  watch?.used(query)
  return query['~plan']
}

/** The iterator of one `yield*`: it yields the query, and returns the value that the interpreter resumes it with. */
class Step<T, A extends Access> implements Iterator<Query<unknown, A>, T> {
  readonly #query: Query<T, A>
  #yielded = false

  constructor(query: Query<T, A>) {
    this.#query = query
  }

  next(value?: unknown): IteratorResult<Query<unknown, A>, T> {
    if (this.#yielded) return { done: true, value: value as T }
    this.#yielded = true
    return { done: false, value: this.#query }
  }

  /** Throws the failure of the query at its `yield*`, with that place in its stack. */
  throw(error: unknown): never {
    throw leadToPlace(error)
  }
}

/**
 * The query that a queryable stands for.
 *
 * @throws {UsageError} for any other value.
 */
export function toQuery(source: Queryable): Query<unknown> {
  return source instanceof Query ? source : rowsQuery(source)
}

/** The query of all rows of a statement. */
export function rowsQuery(builder: Builder): Query<unknown> {
  return new Query({ type: 'statement', statement: toStatement(builder), decode: asTheyAre, checked: false })
}

const asTheyAre: StatementPlan['decode'] = ({ rows }) => rows

/**
 * The statement of a query whose result is the untransformed rows of that statement.
 *
 * @throws {UsageError} for any other query.
 */
export function streamable(query: Query<unknown>): { statement: Statement; label: string | undefined } {
  let label: string | undefined
  let plan = planOf(query)
  for (; plan.type === 'label'; plan = plan.source['~plan']) label = plan.label
  if (plan.type === 'statement' && plan.decode === asTheyAre && mayBeStreamed(plan.statement)) {
    return { statement: plan.statement, label }
  }
  throw new UsageError(
    `${abridged(label ?? 'stream')}: expected the rows of one statement that reads, as many(db.selectFrom(…)), got ` +
      'another query; stream the rows alone, and move map, andThen, all or program into the loop over them',
  )
}

function mayBeStreamed({ kind, reads }: Statement): boolean {
  return reads || kind === 'locking read'
}

/**
 * Compiles a builder.
 *
 * @throws {UsageError} when the value is no builder, or a builder of another Kysely than the compile-only one.
 */
export function toStatement(builder: Builder): Statement {
  // Kysely's own error for an uncompiled sql`…` does not name the remedy.
  if (isRaw(builder)) throw notRunnable(builder)
  const compiled: CompiledQuery = isCompilable(builder) ? builder.compile() : builder
  const plugins = composedPlugins(compiled)
  if (plugins !== undefined) return new Statement(compiled, plugins)
  if (!isCompilable(builder)) throw notRunnable(builder)
  throw new UsageError(
    'expected a builder of the compile-only Kysely (mysqlBuilder), got one of another Kysely, whose plugins could not ' +
      `transform the result; build it with the Kysely of mysqlBuilder, and install ${ONE_COPY}`,
  )
}

const ONE_COPY = 'one copy of @leasehold/core (npm ls @leasehold/core)'

function notRunnable(value: unknown): UsageError {
  return new UsageError(`expected a query or a Kysely builder, got ${describe(value)}`)
}

/** Whether the value is an uncompiled sql`…`. */
function isRaw(value: object): boolean {
  return typeof value === 'object' && value !== null && 'isRawBuilder' in value
}

function describe(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}: call it`
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Promise)
      return 'a promise: repositories return queries, so their functions must not be async'
    if (isRaw(value))
      return 'raw SQL that is not compiled: use sql`…`.compile(db) with the Kysely of mysqlBuilder'
    if (value instanceof Query) return 'a query, which has its result already: use map, or pass the builder'
    if ('~plan' in value) return `a query of another copy of @leasehold/core: install ${ONE_COPY}`
    if ('sql' in value && 'parameters' in value) {
      return 'a compiled query of another Kysely, such as CompiledQuery.raw: use sql`…`.compile(db) with the Kysely of mysqlBuilder'
    }
    if (Array.isArray(value)) return 'an array: combine its queries with all([ … ])'
    return 'next' in value ? 'an iterator: pass the generator function to program' : 'an object'
  }
  return String(value)
}
