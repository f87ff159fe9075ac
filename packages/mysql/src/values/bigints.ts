/** Integers beyond 2^53 - 1, which a number can't hold, are never rounded. */

/**
 * How BIGINT columns arrive. `number`: as numbers, and a value that a number can't hold is a `ResultError`;
 * `bigint` and `string`: all of them as such. In JSON, which has numbers of one kind only, it is about the integers
 * that a number can't hold; all others are numbers.
 */
export type Bigints = 'number' | 'bigint' | 'string'

/** A BIGINT that is not wanted as a string. With numbers asked for, it is text only if it doesn't fit one. */
export function readBigint(
  value: number | string,
  bigints: Exclude<Bigints, 'string'>,
  refuse: (expected: string, actual: string, shown: string) => never,
): number | bigint {
  if (typeof value === 'number') return value
  return bigints === 'bigint' ? BigInt(value) : refuse('a number', ...tooLarge(value))
}

/** What an error says of an integer that a number can't hold, and what its message does. */
export function tooLarge(integer: string): [actual: string, shown: string] {
  const why = "which a number can't hold: set the driver's option bigints to 'bigint' or 'string'"
  return [`${integer}, ${why}`, `a value, ${why}`]
}
