/** The server's answer to one statement, and the rows that Kysely's types promise for it. */
import { DeleteResult, InsertResult, UpdateResult } from 'kysely'
import type { Statement } from './statement.ts'

export interface StatementResult {
  /** Absent for a statement without a result set. */
  readonly rows: readonly unknown[] | undefined
  /** Rows that a write matched, whether or not their values changed. */
  readonly affectedRows: number
  /** Rows whose values an UPDATE changed. */
  readonly changedRows: number
  /** The first key that AUTO_INCREMENT generated; 0 if none. */
  readonly insertId: bigint
  /** Whether the server reports an open transaction, and autocommit is still off. */
  readonly inTransaction: boolean
  /**
   * Names of columns that the server sorts differently from their JavaScript values (FLOAT, ENUM, SET, BIT, JSON); absent
   * if the rows have none.
   */
  readonly sortedOtherwise?: readonly string[] | undefined
  /** Leading bytes of a text or binary value that the server sorts by (`max_sort_length`); absent if it sorts by all. */
  readonly sortedBytes?: number | undefined
}

/** The server's rows, passed through the builder's plugins. A write without rows gives Kysely's result object. */
export function transformedRows(
  statement: Statement,
  result: StatementResult,
): readonly unknown[] | Promise<readonly unknown[]> {
  const transforms = result.rows !== undefined && statement.transforms
  return transforms ? statement.transform(result.rows) : plainRowsOf(statement, result)
}

/** {@link transformedRows} without the plugins. */
export function plainRowsOf(statement: Statement, result: StatementResult): readonly unknown[] {
  if (result.rows !== undefined) return result.rows
  const affected = BigInt(result.affectedRows)
  switch (statement.compiled.query.kind) {
    case 'InsertQueryNode':
      return [new InsertResult(result.insertId === 0n ? undefined : result.insertId, affected)]
    case 'UpdateQueryNode':
      return [new UpdateResult(affected, BigInt(result.changedRows))]
    case 'DeleteQueryNode':
      return [new DeleteResult(affected)]
    default:
      return []
  }
}
