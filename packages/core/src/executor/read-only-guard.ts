/** The guard of units that only read. */
import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'
import type { Statement } from '../statement/statement.ts'

/** The statement, and its name in messages. */
interface Guarded {
  readonly statement: Statement
  readonly label: string | undefined
}

/** Throws a `UsageError` for the first statement that may do more than read. Types cannot detect locking reads and raw SQL. */
export function assertOnlyReads(statements: readonly Guarded[]): void {
  for (const { statement, label } of statements) {
    if (statement.reads) continue
    const { kind, sql } = statement
    const shown = kind === 'unknown' ? 'raw SQL that is no plain read' : `a ${kind}`
    throw new UsageError(
      `${abridged(label ?? sql)} is ${shown}, and the unit only reads: run it with run, without accessMode 'read only'`,
    )
  }
}
