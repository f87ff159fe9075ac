/** BIGINT values: integers beyond 2^53 - 1 are never rounded. */

/**
 * Type of BIGINT columns. With `number`, a value beyond 2^53 - 1 is a `ResultError`; with `bigint` and `string`, all values
 * have that type. JSON has one number type: there it applies only to integers that a number cannot hold.
 */
export type Bigints = 'number' | 'bigint' | 'string'

/** Reads a BIGINT as number or bigint. With `number`, mysql2 passes text only if the value does not fit a number. */
export function readBigint(
  value: number | string,
  bigints: Exclude<Bigints, 'string'>,
  refuse: (expected: string, actual: string, shown: string) => never,
): number | bigint {
  if (typeof value === 'number') return value
  return bigints === 'bigint' ? BigInt(value) : refuse('a number', ...tooLarge(value))
}

/** `actual` of the error for an integer that a number cannot hold, and its form without the value for the message. */
export function tooLarge(integer: string): [actual: string, shown: string] {
  const why = "which a number can't hold: set the driver's option bigints to 'bigint' or 'string'"
  return [`${integer}, ${why}`, `a value, ${why}`]
}
