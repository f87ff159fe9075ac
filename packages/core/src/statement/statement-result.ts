/** What the server answered to one statement, and the rows that Kysely's types promise for it. */
import { DeleteResult, InsertResult, UpdateResult } from 'kysely'
import type { Statement } from './statement.ts'

export interface StatementResult {
  /** Absent when the statement gives no rows. */
  readonly rows: readonly unknown[] | undefined
  /** Rows that a write matched, whether or not their values changed. */
  readonly affectedRows: number
  /** Rows whose values an UPDATE changed. */
  readonly changedRows: number
  /** The first key that AUTO_INCREMENT gave out, 0 when it gave none. */
  readonly insertId: bigint
  /** Whether the server reported an open transaction, and autocommit still off. */
  readonly inTransaction: boolean
  /**
   * Columns of the rows whose order is not that of the values which are read of them (FLOAT, ENUM, SET, BIT, JSON), as the
   * server names them; absent if there are none.
   */
  readonly sortedOtherwise?: readonly string[] | undefined
  /** Bytes of a text, or of bytes, by which the server sorts; absent where it does by all. */
  readonly sortedBytes?: number | undefined
}

/** The server's rows, passed through the builder's plugins; for a write that gives none, Kysely's result object. */
export function rowsOf(
  statement: Statement,
  result: StatementResult,
): readonly unknown[] | Promise<readonly unknown[]> {
  const transforms = result.rows !== undefined && statement.transforms
  return transforms ? statement.transform(result.rows) : plainRowsOf(statement, result)
}

/** The same without the plugins. */
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
