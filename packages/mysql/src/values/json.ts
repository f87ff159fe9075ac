/** Parses JSON columns without rounding large integers, as `JSON.parse` would. */
import { type Bigints, tooLarge } from './bigints.ts'

type Refuse = (expected: string, actual: string, shown: string) => never

/** Parses a JSON text. Calls `refuse` for invalid JSON, and for a number without an exact representation. */
export function readJson(text: string, bigints: Bigints, refuse: Refuse): unknown {
  try {
    return MAYBE_INEXACT.test(text) ? parseExactly(text, bigints, refuse) : JSON.parse(text)
  } catch (error) {
    // MariaDB stores JSON as text, which may be invalid if the column's CHECK constraint was dropped.
    if (error instanceof SyntaxError) {
      return refuse('JSON', `text that is not: ${error.message}`, 'text that is not')
    }
    throw error
  }
}

/** An integer beyond 2^53 has at least 16 digits, an exponent beyond a double's at least three. */
const MAYBE_INEXACT = /\d{16}|e\+?\d{3}/i

/** ECMAScript's "JSON.parse source text access": Node 22 has it, TypeScript's library does not yet. */
type Parse = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown,
) => unknown

function parseExactly(text: string, bigints: Bigints, refuse: Refuse): unknown {
  return (JSON.parse as Parse)(text, (_key, value, { source }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    if (!Number.isFinite(value)) {
      return refuse('a number', `${source}, ${BEYOND}`, `a value, ${BEYOND}`)
    }
    if (!INTEGER.test(source) || isDouble(value, source)) return value
    if (bigints === 'number') return refuse('a number', ...tooLarge(source))
    return bigints === 'bigint' ? BigInt(source) : source
  })
}

const BEYOND = 'which is beyond a double'

const INTEGER = /^-?\d+$/

/**
 * Whether an integer is a double in full digits, as `JSON.stringify(1e20)` writes it. MySQL reads integers beyond 64 bits as
 * doubles; those within 64 bits are integers.
 */
function isDouble(value: number, source: string): boolean {
  return (value >= 2 ** 64 || value < -(2 ** 63)) && String(value) === source
}
