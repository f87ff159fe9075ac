/**
 * A Kysely that composes and cannot execute. Its executor remembers the plugins of what it compiles, because a
 * Kysely builder keeps them to itself, and their result side is applied where the rows arrive.
 */
import {
  type CompiledQuery,
  type ConnectionProvider,
  DefaultQueryExecutor,
  type Dialect,
  DummyDriver,
  Kysely,
  type KyselyPlugin,
  type QueryCompiler,
  type DialectAdapter,
} from 'kysely'
import { UsageError } from '../errors/errors.ts'

const CANNOT_EXECUTE =
  'a builder of a compile-only Kysely composes and cannot execute: hand it to a unit of work, as in uow.run(builder)'

/** A symbol of ours on the compiled query: a WeakMap, tried before, took longer than to compile a small query. */
const PLUGINS = Symbol('plugins')

/** The plugins of the builder that `compiled` comes from; `undefined` if no {@link composer} made that builder. */
export function composedPlugins(compiled: CompiledQuery): readonly KyselyPlugin[] | undefined {
  // Asked of anything that is handed in for a query.
  return (compiled as { readonly [PLUGINS]?: readonly KyselyPlugin[] } | null | undefined)?.[PLUGINS]
}

const noConnection: ConnectionProvider = {
  provideConnection: () => Promise.reject(new UsageError(CANNOT_EXECUTE)),
}

class ComposingExecutor extends DefaultQueryExecutor {
  readonly #compiler: QueryCompiler

  constructor(compiler: QueryCompiler, adapter: DialectAdapter, plugins: readonly KyselyPlugin[]) {
    super(compiler, adapter, noConnection, [...plugins])
    this.#compiler = compiler
  }

  override compileQuery(...args: Parameters<QueryCompiler['compileQuery']>): CompiledQuery {
    return Object.freeze({ ...super.compileQuery(...args), [PLUGINS]: this.plugins })
  }

  override withPlugins(plugins: readonly KyselyPlugin[]): ComposingExecutor {
    return this.#with([...this.plugins, ...plugins])
  }

  override withPlugin(plugin: KyselyPlugin): ComposingExecutor {
    return this.#with([...this.plugins, plugin])
  }

  override withPluginAtFront(plugin: KyselyPlugin): ComposingExecutor {
    return this.#with([plugin, ...this.plugins])
  }

  override withoutPlugins(): ComposingExecutor {
    return this.#with([])
  }

  override withConnectionProvider(): ComposingExecutor {
    throw new UsageError(CANNOT_EXECUTE)
  }

  #with(plugins: readonly KyselyPlugin[]): ComposingExecutor {
    return new ComposingExecutor(this.#compiler, this.adapter, plugins)
  }
}

export interface ComposerOptions {
  readonly adapter: DialectAdapter
  readonly queryCompiler: QueryCompiler
  readonly plugins?: readonly KyselyPlugin[]
}

/**
 * A `Kysely<DB>` for repositories: it builds and compiles, and whatever would need a connection (`execute`,
 * `transaction`, `connection`) throws a {@link UsageError}.
 *
 * @example
 * ```ts
 * import { MysqlAdapter, MysqlQueryCompiler } from 'kysely'
 * const db = composer<Database>({ adapter: new MysqlAdapter(), queryCompiler: new MysqlQueryCompiler() })
 * const { sql } = db.selectFrom('accounts').select('name').compile()
 * console.log(sql) // select `name` from `accounts`
 * ```
 */
export function composer<DB>(options: ComposerOptions): Kysely<DB> {
  const { adapter, queryCompiler, plugins = [] } = options
  const driver = new DummyDriver()
  const dialect: Dialect = {
    createAdapter: () => adapter,
    createDriver: () => driver,
    createQueryCompiler: () => queryCompiler,
    createIntrospector: () => {
      throw new UsageError(CANNOT_EXECUTE)
    },
  }
  const executor = new ComposingExecutor(queryCompiler, adapter, plugins)
  return new Kysely<DB>({ config: { dialect }, dialect, driver, executor })
}
