import { AcquireError, StatementError } from '@leasehold/core'
import { UnknownItem } from '../../examples/order-desk/errors.ts'
import type { TransactionName } from '../../examples/order-desk/mix.ts'

/** How the units of one kind of transaction ended. */
export interface Tally {
  committed: number
  /** For an unknown item, as the specification wants it. */
  rolledBack: number
  /** By class of error, and by kind or reason where the class has them. */
  readonly failed: Record<string, number>
}

export type Tallies = Readonly<Record<TransactionName, Tally>>

export function emptyTallies(): Tallies {
  const empty = (): Tally => ({ committed: 0, rolledBack: 0, failed: {} })
  return {
    'New-Order': empty(),
    Payment: empty(),
    'Order-Status': empty(),
    Delivery: empty(),
    'Stock-Level': empty(),
  }
}

export function countFailure(tally: Tally, error: unknown): void {
  if (error instanceof UnknownItem) {
    tally.rolledBack += 1
    return
  }
  const name = classOf(error)
  tally.failed[name] = (tally.failed[name] ?? 0) + 1
}

function classOf(error: unknown): string {
  if (error instanceof StatementError) return `${error.name} ${error.kind}`
  if (error instanceof AcquireError) return `${error.name} ${error.reason}`
  return error instanceof Error ? error.name : typeof error
}

/** The failures of all transactions, by class. */
export function failuresOf(tallies: Tallies): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const { failed } of Object.values(tallies)) {
    for (const [name, count] of Object.entries(failed)) sum[name] = (sum[name] ?? 0) + count
  }
  return sum
}
