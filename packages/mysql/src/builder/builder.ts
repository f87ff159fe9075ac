import { composer } from '@leasehold/core'
import { type Kysely, type KyselyPlugin, MysqlAdapter } from 'kysely'
import { PlacingCompiler } from './compiler.ts'

export interface MysqlBuilderOptions {
  /** Kysely plugins, such as `new CamelCasePlugin()`; both their query and their result side apply. */
  readonly plugins?: readonly KyselyPlugin[]
}

/**
 * A `Kysely<DB>` for repositories: it composes queries and can't execute. What would need a connection (`execute`,
 * `transaction` …) throws a `UsageError`.
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
  return composer<DB>({ adapter: new MysqlAdapter(), queryCompiler: new PlacingCompiler(), ...options })
}
