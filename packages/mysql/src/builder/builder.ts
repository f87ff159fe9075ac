import { composer, UsageError } from '@leasehold/core'
import { type Kysely, type KyselyPlugin, MysqlAdapter } from 'kysely'
import { PlacingCompiler } from './compiler.ts'

export interface MysqlBuilderOptions {
  /** Kysely plugins, such as `new CamelCasePlugin()`; their query side and their result side apply. Default: none. */
  readonly plugins?: readonly KyselyPlugin[] | undefined
}

/**
 * A `Kysely<DB>` for repositories that builds and compiles queries for MySQL and MariaDB. Methods that need a connection
 * (`execute`, `transaction` …) throw a `UsageError`.
 *
 * @example
 * ```ts
 * import type { Generated } from 'kysely'
 * interface Shop {
 *   accounts: { id: Generated<number>; name: string; cents: number }
 * }
 * const db = mysqlBuilder<Shop>()
 * const names = await uow.read(db.selectFrom('accounts').select('name').orderBy('id'))
 * console.log(names) // [ { name: 'Ann' }, { name: 'Bob' } ]
 * ```
 */
export function mysqlBuilder<DB>(options: MysqlBuilderOptions = {}): Kysely<DB> {
  const unknown = Object.keys(options).find((name) => name !== 'plugins')
  if (unknown !== undefined)
    throw new UsageError(`mysqlBuilder: unknown option ${unknown}; known options: plugins`)
  const { plugins = [] } = options
  if (!Array.isArray(plugins)) {
    throw new UsageError(
      'mysqlBuilder: expected plugins to be an array, as in { plugins: [new CamelCasePlugin()] }',
    )
  }
  return composer<DB>({ adapter: new MysqlAdapter(), queryCompiler: new PlacingCompiler(), ...options })
}
