/**
 * Queries: immutable values that say what to run and what becomes of the result. A query never runs itself
 * and is no promise, so it can be returned, stored, combined and run again.
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

/** A builder of the compile-only Kysely, or what its `compile()` gives (raw SQL: ``sql`…`.compile(db)``). */
export type Builder<O = unknown> = Compilable<O> | CompiledQuery<O>

/** A builder that can't change anything: `selectFrom(…)`. */
export type SelectBuilder<O = unknown> = Compilable<O> & { readonly isSelectQueryBuilder: true }

/**
 * What a query asks of its transaction, as far as types can tell: `read` is what select builders ask, `write` what all
 * others do, raw SQL and compiled queries among them. A query that does both has `'read' | 'write'`.
 */
export type Access = 'read' | 'write'

/** What can be run, combined or yielded: a query, or a Kysely builder, which stands for its rows. */
export type Queryable<A extends Access = Access> =
  | Query<unknown, A>
  | ('write' extends A ? Builder : SelectBuilder)

/** The same for rows: a query of some, or a builder. */
export type RowsQueryable<A extends Access = Access> =
  | Query<readonly object[], A>
  | ('write' extends A ? Builder : SelectBuilder)

/** What running `Q` gives. */
export type ResultOf<Q> =
  Q extends Query<infer T> ? T : Q extends Compilable | CompiledQuery ? InferResult<Q> : never

/** The access that `Q` asks for; that of a union is the union. */
export type AccessOf<Q> =
  Q extends Query<unknown, infer A> ? A : Q extends { readonly isSelectQueryBuilder: true } ? 'read' : 'write'

/** How the interpreter reads a query; `Plan` is data, and nothing but the interpreter looks into it. */
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
  /** Makes the value of what the server answered, or throws. */
  readonly decode: (answer: DecodeInput) => unknown
  /** Whether `decode` can throw: where it can't, nothing speaks against COMMIT right behind the statement. */
  readonly checked: boolean
}

/** One key of a loader, to be fetched together with others. */
export interface LoadPlan {
  readonly type: 'load'
  readonly source: LoadSource
  readonly key: unknown
  readonly identity: Identity
  /** Makes the value of the rows of the key, or throws. */
  readonly pick: (rows: readonly unknown[], label: string | undefined) => unknown
}

/** What loads that travel together have in common. */
export interface LoadSource {
  /** A query of the rows of all these keys. */
  readonly fetch: (keys: readonly unknown[]) => Queryable
  readonly keyOf: (row: unknown) => unknown
}

export interface DecodeInput extends ResultPlace {
  readonly result: StatementResult
  /** See `rowsOf`. */
  readonly rows: readonly unknown[]
}

/** Work outside of the database, done when the unit is over. */
export type Hook = () => unknown

/**
 * What to run and how its result becomes a `T`. Of a query with the access `'read'` the types know that it changes
 * nothing; a `Query<T>` may be either.
 *
 * Run it with `uow.run(query)`, inside a body with `q(query)`, inside a program with `yield* query`.
 */
export class Query<out T, out A extends Access = Access> {
  /** For the interpreter only. */
  readonly '~plan': Plan

  /** Queries are made by `one`, `many`, `all`, `program` …, not by hand. */
  constructor(plan: Plan) {
    this['~plan'] = plan
    Object.freeze(this)
    watch?.made(this)
  }

  /** The same query with `transform` applied to its result; what `transform` throws fails the unit. */
  map<U>(transform: (value: T) => U): Query<U, A> {
    return new Query({ type: 'map', source: this, transform: transform as (value: unknown) => unknown })
  }

  /** Goes on with the query that `next` makes of this one's result. */
  andThen<const Q extends Queryable>(next: (value: T) => Q): Query<ResultOf<Q>, A | AccessOf<Q>> {
    return new Query({ type: 'then', source: this, next: next as (value: unknown) => Queryable })
  }

  /** The same query under a name, which its statements carry into events and errors unless they have their own. */
  named(label: string): Query<T, A> {
    return new Query({ type: 'label', source: this, label })
  }

  /**
   * The same rows with related ones nested into them: `users.list().with({ orders: hasMany(…) })`, on a query of many
   * rows, of one or of at most one. Each relation takes one statement for all rows, and those of one call share flights;
   * `relation.with({ … })` nests deeper. A relation takes the place of a column of its name.
   */
  with<Rows extends object | null | undefined, R extends Relations<RowIn<Rows>>>(
    this: Query<Rows, A>,
    relations: R,
  ): Query<Nested<Rows, R>, A | AccessOfRelations<R>> {
    return new Query({ type: 'with', source: this, relations })
  }

  /**
   * Throws a {@link UsageError}: a query is not its result, and a web framework that is handed one would send its SQL and
   * its parameters to the client.
   */
  toJSON(): never {
    throw new UsageError(
      `${this.toString()} is a query that nobody has run, and not its result: hand it to a unit of work, as in await uow.run(query)`,
    )
  }

  /** Its label and SQL in one line, without parameters. */
  toString(): string {
    return `Query(${described(this['~plan'])})`
  }

  /** Lets a program wait for the result: `const row = yield* query`. */
  [Symbol.iterator](): Iterator<Query<unknown, A>, T> {
    watch?.used(this)
    return new Step(this)
  }
}

// Whoever logs a query sees what it is.
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

/** Told of queries as they are made, and as they are run or yielded. */
export interface QueryWatch {
  made(query: Query<unknown>): void
  used(query: Query<unknown>): void
}

let watch: QueryWatch | undefined

/** Has all queries of the process watched. */
export function watchQueries(watching: QueryWatch): void {
  watch = watching
}

/** What the query says, for who runs it. */
export function planOf(query: Query<unknown>): Plan {
  watch?.used(query)
  return query['~plan']
}

/** One `yield*`: hands the query out, then returns what it is resumed with. */
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

  /** The failure of the query, raised at its `yield*`. */
  throw(error: unknown): never {
    throw leadToPlace(error)
  }
}

/** The query that a queryable stands for; throws a {@link UsageError} for anything else. */
export function toQuery(source: Queryable): Query<unknown> {
  return source instanceof Query ? source : rowsQuery(source)
}

/** The rows of a statement, whatever their number. */
export function rowsQuery(builder: Builder): Query<unknown> {
  return new Query({ type: 'statement', statement: toStatement(builder), decode: asTheyAre, checked: false })
}

const asTheyAre: StatementPlan['decode'] = ({ rows }) => rows

/** The statement whose rows a query gives just as they are; throws a {@link UsageError} for any other query. */
export function streamable(query: Query<unknown>): { statement: Statement; label: string | undefined } {
  let label: string | undefined
  let plan = planOf(query)
  for (; plan.type === 'label'; plan = plan.source['~plan']) label = plan.label
  if (plan.type === 'statement' && plan.decode === asTheyAre && mayBeStreamed(plan.statement)) {
    return { statement: plan.statement, label }
  }
  throw new UsageError(
    `${abridged(label ?? 'stream')}: expected the rows of one statement that reads, as many(db.selectFrom(…)) gives them; what ` +
      'becomes of them (map, andThen, all, program) is for the loop that takes them',
  )
}

function mayBeStreamed({ kind, reads }: Statement): boolean {
  return reads || kind === 'locking read'
}

/** Compiles a builder; throws a {@link UsageError} when it is none, or one of another Kysely. */
export function toStatement(builder: Builder): Statement {
  // Kysely would not say how.
  if (isRaw(builder)) throw notRunnable(builder)
  const compiled: CompiledQuery = isCompilable(builder) ? builder.compile() : builder
  const plugins = composedPlugins(compiled)
  if (plugins !== undefined) return new Statement(compiled, plugins)
  if (!isCompilable(builder)) throw notRunnable(builder)
  throw new UsageError(
    'expected a builder of the compile-only Kysely (mysqlBuilder), got one of another Kysely: the result side of its ' +
      `plugins would be lost; build it with the Kysely that mysqlBuilder gives, of ${ONE_COPY}`,
  )
}

const ONE_COPY = 'one copy of @leasehold/core (npm ls @leasehold/core)'

function notRunnable(value: unknown): UsageError {
  return new UsageError(`expected a query or a Kysely builder, got ${describe(value)}`)
}

/** What sql`…` gives, which has to be compiled with a Kysely. */
function isRaw(value: object): boolean {
  return typeof value === 'object' && value !== null && 'isRawBuilder' in value
}

function describe(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}: call it`
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Promise) return 'a promise: repositories return queries, they are not async'
    if (isRaw(value))
      return 'raw SQL that is not compiled: sql`…`.compile(db), with the Kysely that mysqlBuilder gives'
    if ('~plan' in value) return `a query of another copy of @leasehold/core: have ${ONE_COPY}`
    if ('sql' in value && 'parameters' in value) {
      return 'a compiled query of another Kysely, as CompiledQuery.raw is: sql`…`.compile(db), with the Kysely that mysqlBuilder gives'
    }
    if (Array.isArray(value)) return 'an array: all([ … ]) makes one query of several'
    return 'next' in value ? 'an iterator: program takes the function that makes it' : 'an object'
  }
  return String(value)
}
