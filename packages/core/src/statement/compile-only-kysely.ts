/**
 * A compile-only Kysely. Its executor attaches the plugins to each compiled query, because Kysely's builders hide them
 * and Leasehold applies their result side when the rows arrive.
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
  'a builder of a compile-only Kysely has no connection: pass it to a unit of work, as in uow.run(builder)'

/** Key of the plugins on a compiled query. A WeakMap took longer than compiling a small query. */
const PLUGINS = Symbol('plugins')

/** The plugins of the builder that compiled the query; `undefined` if its Kysely is not that of a {@link composer}. */
export function composedPlugins(compiled: CompiledQuery): readonly KyselyPlugin[] | undefined {
  // Callers may pass anything where a query is expected.
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
  readonly plugins?: readonly KyselyPlugin[] | undefined
}

/**
 * A `Kysely<DB>` for repositories that builds and compiles queries. Methods that need a connection (`execute`,
 * `transaction`, `connection`) throw a {@link UsageError}.
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
