import { UsageError } from '@leasehold/core'

/** Node.js timers overflow beyond this and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Returns `value`.
 *
 * @throws {UsageError} when `value` is no whole number from `least` to `most`.
 */
export function wholeNumber(option: string, value: number, least = 0, most: number = Infinity): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`
  throw new UsageError(`${option}: expected a whole number ${range}, got ${value}`)
}

/**
 * Returns `value`, a time in milliseconds.
 *
 * @throws {UsageError} when `value` is no whole number from `least` to 2^31 - 1.
 */
export function milliseconds(option: string, value: number, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least && value <= MAX_TIMER_MS) return value
  throw new UsageError(`${option}: expected whole milliseconds from ${least} to 2^31 - 1, got ${value}`)
}
