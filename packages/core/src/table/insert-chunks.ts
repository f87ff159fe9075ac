/** Splits rows into chunks, each of which fits one INSERT statement. */
import type { TableRow } from './table.ts'

/** Longer statements are not faster, and the server and the client hold each statement in memory. In bytes. */
const LONGEST = 1 << 18
/** The limit of a prepared statement's parameters, on MySQL and MariaDB. */
const MOST_VALUES = 65_535

/**
 * Splits the rows, in their order, into chunks that fit a statement of `longest` bytes. A row that is longer becomes a chunk
 * of its own.
 */
export function chunked(rows: readonly TableRow[], longest: number): readonly (readonly TableRow[])[] {
  const columns = new Set(rows.flatMap((row) => Object.keys(row)))
  const head = 100 + [...columns].reduce((bytes, column) => bytes + BYTES_OF_UNIT * column.length + 4, 0)
  const room = Math.min(longest, LONGEST) - head
  const most = Math.max(1, Math.floor(MOST_VALUES / Math.max(1, columns.size)))
  const chunks: TableRow[][] = []
  let chunk: TableRow[] = []
  let left = 0
  for (const row of rows) {
    const bytes = [...columns].reduce((sum, column) => sum + bytesOf(row[column]) + 2, 4)
    if (chunk.length === 0 || bytes > left || chunk.length === most) {
      chunk = []
      chunks.push(chunk)
      left = room
    }
    chunk.push(row)
    left -= bytes
  }
  return chunks
}

/** A UTF-16 unit takes at most three bytes in UTF-8, and at most two when it is escaped. */
const BYTES_OF_UNIT = 3

/** An upper bound of the bytes that a value takes in a statement. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_OF_UNIT * value.length + 2
  if (value instanceof Uint8Array) return 2 * value.length + 3
  return typeof value === 'bigint' ? 66 : 32
}
