/** BIGINT values: integers beyond 2^53 - 1 are never rounded. */

/**
 * Type of BIGINT columns. With `number`, a value beyond 2^53 - 1 is a `ResultError`; with `bigint` and `string`, all values
 * have that type. JSON has one number type: there it applies only to integers that a number cannot hold.
 */
export type Bigints = 'number' | 'bigint' | 'string'

/** mysql2's options, by which it passes on as text all integers that it would round. */
export function bigintOptions(bigints: Bigints): {
  readonly supportBigNumbers: true
  readonly bigNumberStrings: boolean
} {
  // false: only integers that do not fit a number are text.
  return { supportBigNumbers: true, bigNumberStrings: bigints !== 'number' }
}

/** Reads a BIGINT. `value` is a number only with `number`, and then text only if it does not fit a number. */
export function readBigint(
  value: number | string,
  bigints: Bigints,
  refuse: (expected: string, actual: string, shown: string) => never,
): number | bigint | string {
  if (typeof value === 'number') return value
  if (bigints === 'number') return refuse('a number', ...tooLarge(value))
  return bigints === 'bigint' ? BigInt(value) : withoutZeros(value)
}

/** Drops the leading zeros of ZEROFILL, which only the text protocol has. */
function withoutZeros(text: string): string {
  return text.replace(/^0+(?=\d)/, '')
}

/** `actual` of the error for an integer that a number cannot hold, and its form without the value for the message. */
export function tooLarge(integer: string): [actual: string, shown: string] {
  const why = "which a number can't hold: set the driver's option bigints to 'bigint' or 'string'"
  return [`${integer}, ${why}`, `a value, ${why}`]
}
