/**
 * Cursors: opaque texts that mark a position in an order of rows. A digest detects cursors that are truncated, modified or
 * of another order. A cursor is neither encrypted nor signed: it reveals the sort values, and anyone can make one.
 */
import { createHash } from 'node:crypto'
import { UsageError } from '../errors/errors.ts'

/** Bytes of the digest: enough to detect accidents, not attacks. */
const DIGEST = 6

/**
 * The cursor of a position: `order` identifies the order of the rows, `values` are those of its columns.
 *
 * @throws {UsageError} for an object other than a `Date` or bytes.
 */
export function encodeCursor(order: string, values: readonly unknown[]): string {
  const payload = Buffer.from(JSON.stringify(values.map(pack)))
  return Buffer.concat([digest(order, payload), payload]).toString('base64url')
}

/**
 * The values of a cursor of the same order.
 *
 * @throws {UsageError} for any other text.
 */
export function decodeCursor(order: string, cursor: string): readonly unknown[] {
  try {
    const bytes = Buffer.from(cursor, 'base64url')
    const payload = bytes.subarray(DIGEST)
    if (bytes.subarray(0, DIGEST).equals(digest(order, payload))) {
      return (JSON.parse(payload.toString()) as readonly unknown[]).map(unpack)
    }
  } catch {
    // The digest fits, but not the payload: a forged cursor.
  }
  throw new UsageError(
    `expected a cursor of a page in the order ${order}, got one that was modified or is of another order; ` +
      'begin with the first page',
  )
}

function digest(order: string, payload: Buffer): Buffer {
  return createHash('sha256').update(order).update('\n').update(payload).digest().subarray(0, DIGEST)
}

/** A value as JSON; a type that JSON lacks becomes the pair of its name and the value's text. */
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
      throw new UsageError(
        `expected a string, number, bigint, boolean, Date or bytes to sort by, got a value of type ${typeof value}`,
      )
  }
}

function unpack(packed: unknown): unknown {
  if (!Array.isArray(packed)) return packed
  const [type, text = ''] = packed as readonly string[]
  if (type === 'bigint') return BigInt(text)
  return type === 'date' ? new Date(text) : Buffer.from(text, 'base64url')
}
