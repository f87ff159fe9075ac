/** Rows in portions that a server takes as one statement each. */
import type { TableRow } from './table.ts'

/** Bytes beyond which a longer statement is not faster; each is held in memory as a whole, by the server and here. */
const LONGEST = 1 << 18
/** As many parameters as a statement can have anywhere. */
const MOST_VALUES = 65_535

/** The rows in their order, in portions of which each fits a statement of `longest` bytes, or is one row that may not. */
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

/** UTF-8 has three bytes at most for a UTF-16 unit, and what is escaped has two. */
const BYTES_OF_UNIT = 3

/** The bytes that a value takes in a statement, at most. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_OF_UNIT * value.length + 2
  if (value instanceof Uint8Array) return 2 * value.length + 3
  return typeof value === 'bigint' ? 66 : 32
}
