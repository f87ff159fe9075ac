import { inspect } from 'node:util'
import { UsageError } from '../errors/errors.ts'

/** Node's timers hold no longer time, and fire at once for one that they can't hold. */
const LONGEST = 2 ** 31 - 1

/** Gives `value` back. Throws a `UsageError` for what no timer can wait for. */
export function milliseconds(option: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= LONGEST) return value
  throw new UsageError(`${option}: expected milliseconds from 0 to 2^31 - 1, got ${inspect(value)}`)
}
