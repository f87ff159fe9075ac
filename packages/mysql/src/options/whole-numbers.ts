import { UsageError } from '@leasehold/core'

/** Node's timers hold no longer time, and fire at once for one that they can't hold. */
const LONGEST = 2 ** 31 - 1

/** Gives `value` back. Throws a `UsageError` for what is no whole number from `least` to `most`. */
export function wholeNumber(option: string, value: number, least = 0, most: number = Infinity): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`
  throw new UsageError(`${option}: expected a whole number ${range}, got ${value}`)
}

/** Gives `value` back. Throws a `UsageError` for what is no time in whole milliseconds, or more than a timer can wait for. */
export function milliseconds(option: string, value: number, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least && value <= LONGEST) return value
  throw new UsageError(`${option}: expected whole milliseconds from ${least} to 2^31 - 1, got ${value}`)
}
