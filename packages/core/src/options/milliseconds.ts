import { inspect } from 'node:util'
import { UsageError } from '../errors/errors.ts'

/** Node.js timers overflow beyond this and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Returns `value`, a time in milliseconds; fractions are allowed.
 *
 * @throws {UsageError} when `value` is no number from 0 to 2^31 - 1.
 */
export function milliseconds(option: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_TIMER_MS) return value
  throw new UsageError(`${option}: expected milliseconds from 0 to 2^31 - 1, got ${inspect(value)}`)
}
