/** JSON columns, parsed: `JSON.parse` alone would round large integers. */
import { type Bigints, tooLarge } from './bigints.ts'

type Refuse = (expected: string, actual: string, shown: string) => never

/** The value of a JSON text. A number that can't be given exactly, or text that is no JSON, is refused. */
export function readJson(text: string, bigints: Bigints, refuse: Refuse): unknown {
  try {
    return SUSPECT.test(text) ? parseExactly(text, bigints, refuse) : JSON.parse(text)
  } catch (error) {
    // MariaDB has JSON in text columns, and takes its word for it where the constraint has been dropped.
    if (error instanceof SyntaxError) {
      return refuse('JSON', `text that is not: ${error.message}`, 'text that is not')
    }
    throw error
  }
}

/** 16 digits are the fewest of an integer beyond 2^53, and three those of an exponent beyond a double's. */
const SUSPECT = /\d{16}|e\+?\d{3}/i

/** ECMAScript's "JSON.parse source text access", which Node has from 22 on and TypeScript's library not yet. */
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
 * Whether an integer is a double written out, as `JSON.stringify(1e20)` does it. MySQL takes all beyond 64 bits for
 * doubles, so that integers within 64 bits are never meant.
 */
function isDouble(value: number, source: string): boolean {
  return (value >= 2 ** 64 || value < -(2 ** 63)) && String(value) === source
}
