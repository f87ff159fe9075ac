/** Query plans, asked for beside running the statements. */
import type { Answer, StatementCommand } from '../driver.ts'
import { LeaseholdError } from '../errors/errors.ts'
import type { TransactionHandle } from './transaction.ts'

/** The plan of a statement. */
export interface ExplainedStatement {
  readonly label: string | undefined
  readonly sql: string
  /** The rows of EXPLAIN, in the server's own columns. Empty for a statement without a plan. */
  readonly plan: readonly PlanRow[]
}

/** One row of EXPLAIN, usually for one table: `table`, `type`, `possible_keys`, `key`, `rows`, `Extra` and others. */
export type PlanRow = Readonly<Record<string, unknown>>

/** Sends each statement behind its EXPLAIN, and returns the answers to the statements. */
export async function sendExplained(
  transaction: TransactionHandle,
  statements: readonly StatementCommand[],
  onPlan: (explained: ExplainedStatement) => void,
): Promise<readonly Answer[]> {
  const pairs = statements.flatMap((command) => [{ ...command, type: 'explain' } as const, command])
  const answers = await transaction.send(pairs)
  return statements.map(({ statement: { sql }, label }, index) => {
    const plan = answers[2 * index]
    if (plan === undefined || plan instanceof LeaseholdError) return plan
    onPlan({ label, sql, plan: (plan.rows ?? []) as readonly PlanRow[] })
    return answers[2 * index + 1]
  })
}
