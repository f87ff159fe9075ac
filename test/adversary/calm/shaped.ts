import type { Shape } from '../program/statements.ts'
import { Mismatch } from './mismatch.ts'

/** The result of a statement in its shape, or a mismatch. */
export function shaped(answer: unknown, shape: Shape): unknown {
  const rows = Array.isArray(answer) ? (answer as unknown[]) : []
  const { affectedRows = 0 } = Array.isArray(answer) ? {} : (answer as { affectedRows?: number })
  switch (shape) {
    case 'rows':
      for (const row of rows) assertSafe(row)
      return rows
    case 'one':
      if (rows.length !== 1) throw new Mismatch('ResultError')
      return rows[0]
    case 'maybe':
      if (rows.length > 1) throw new Mismatch('ResultError')
      return rows[0] ?? null
    case 'affected':
      return affectedRows
    case 'exactly one':
      if (affectedRows !== 1) throw new Mismatch('ResultError')
      return affectedRows
    default:
      return null
  }
}

function assertSafe(row: unknown): void {
  for (const value of Object.values(row as object)) {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new Mismatch('ResultError')
    }
  }
}
