/**
 * Cursors: places in an order of rows, as text that callers carry around and don't look into. One that was cut off,
 * changed, or belongs to another order is refused. It is no secret and no proof: it shows the values it stands for to
 * whoever takes it apart, and anybody can make one.
 */
import { createHash } from 'node:crypto'
import { UsageError } from '../errors/errors.ts'

/** Bytes of the digest: enough to find accidents. */
const DIGEST = 6

/**
 * `order` names the order that the place is in; the values are those of its columns. Throws a {@link UsageError} for an
 * object other than a `Date` or bytes.
 */
export function encodeCursor(order: string, values: readonly unknown[]): string {
  const payload = Buffer.from(JSON.stringify(values.map(pack)))
  return Buffer.concat([digest(order, payload), payload]).toString('base64url')
}

/** The values of a cursor that was made for the same order. Throws a {@link UsageError} for any other text. */
export function decodeCursor(order: string, cursor: string): readonly unknown[] {
  try {
    const bytes = Buffer.from(cursor, 'base64url')
    const payload = bytes.subarray(DIGEST)
    if (bytes.subarray(0, DIGEST).equals(digest(order, payload))) {
      return (JSON.parse(payload.toString()) as readonly unknown[]).map(unpack)
    }
  } catch {
    // Somebody has made it by hand.
  }
  throw new UsageError(
    `expected a cursor that a page in the order ${order} gave, got another: it was changed, or is one ` +
      'of another table or order; begin with the first page',
  )
}

function digest(order: string, payload: Buffer): Buffer {
  return createHash('sha256').update(order).update('\n').update(payload).digest().subarray(0, DIGEST)
}

/** What JSON has no type for is a pair of its type and its text. */
function pack(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    case 'bigint':
      return ['bigint', String(value)]
    default:
      if (value instanceof Date) return ['date', value.toISOString()]
      if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('base64url')]
      throw new UsageError(`expected a value that rows can be sorted by, got one of ${typeof value}`)
  }
}

function unpack(packed: unknown): unknown {
  if (!Array.isArray(packed)) return packed
  const [type, text = ''] = packed as readonly string[]
  if (type === 'bigint') return BigInt(text)
  return type === 'date' ? new Date(text) : Buffer.from(text, 'base64url')
}
