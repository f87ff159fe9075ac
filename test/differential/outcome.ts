/** What comes of a query, in a form that can be compared. */
import { inspect } from 'node:util'
import { LeaseholdError, StatementError } from '@leasehold/core'

/** Text that a column's character set does not have: the number depends on who finds out. */
const UNCONVERTED: ReadonlySet<number> = new Set([1366, 3854, 3988])

/** The value, or the number or name of the error. */
export async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    return inspect(await work(), { depth: 6, breakLength: Infinity })
  } catch (error) {
    if (error instanceof StatementError)
      return `error ${UNCONVERTED.has(error.errno) ? 'of a text' : error.errno}`
    if (error instanceof LeaseholdError) return error.name
    throw error
  }
}

/** What is refused, with the reason, is not wrong. */
export function isRefused(outcome: string): boolean {
  return outcome === 'ResultError' || outcome === 'UsageError'
}
