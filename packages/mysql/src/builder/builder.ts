import { composer, UsageError } from '@leasehold/core'
import { type Kysely, type KyselyPlugin, MysqlAdapter } from 'kysely'
import { PlacingCompiler } from './compiler.ts'

export interface MysqlBuilderOptions {
  /** Kysely plugins, such as `new CamelCasePlugin()`; both their query and their result side apply. */
  readonly plugins?: readonly KyselyPlugin[]
}

/**
 * A `Kysely<DB>` for repositories: it composes queries and can't execute. What would need a connection (`execute`,
 * `transaction` …) throws a `UsageError`.
 */
export function mysqlBuilder<DB>(options: MysqlBuilderOptions = {}): Kysely<DB> {
  const unknown = Object.keys(options).find((name) => name !== 'plugins')
  if (unknown !== undefined)
    throw new UsageError(`mysqlBuilder: there is no option ${unknown}; there is plugins`)
  return composer<DB>({ adapter: new MysqlAdapter(), queryCompiler: new PlacingCompiler(), ...options })
}
