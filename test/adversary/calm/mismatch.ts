/** What goes wrong in the reference, and errors of either side as they are compared. */
import { StatementError } from '@leasehold/core'
import { Refusal } from '../program/query.ts'

/** A result that is not what was asked for, or a statement that must not be sent. */
export class Mismatch extends Error {
  override readonly name: 'ResultError' | 'StaleError' | 'UsageError'

  constructor(name: 'ResultError' | 'StaleError' | 'UsageError') {
    super(name)
    this.name = name
  }
}

/** What a program throws by itself. */
export class Refused extends Error {
  override readonly name = 'Refusal'
}

/** Class and number: the words are each side's own. */
export function errorOf(error: unknown): string {
  if (error instanceof StatementError) return `StatementError ${error.errno}`
  if (error instanceof Refusal || error instanceof Mismatch || error instanceof Refused) return error.name
  if (!(error instanceof Error)) return String(error)
  const { errno } = error as { errno?: unknown }
  return typeof errno === 'number' ? `StatementError ${errno}` : error.name
}
