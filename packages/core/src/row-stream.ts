/** Rows as they come from the server, no faster than they are taken. */
import { UsageError } from './errors.ts'

/**
 * The rows of one statement: `for await (const row of rows)`. However many they are, only some hundred are in memory.
 * Leaving the loop, however it is left, has the server stop and the connection free at once. Can be iterated once.
 */
export class RowStream<out Row> implements AsyncIterable<Row> {
  #open: (() => AsyncGenerator<readonly Row[], void, undefined>) | undefined

  /** Streams are made by `q.stream` and `uow.stream`, not by hand. */
  constructor(open: () => AsyncGenerator<readonly Row[], void, undefined>) {
    this.#open = open
  }

  /** The same rows, as many at a time as came together. */
  batches(): AsyncGenerator<readonly Row[], void, undefined> {
    const open = this.#open
    if (open === undefined) throw new UsageError('a stream of rows was iterated twice: ask for another one')
    this.#open = undefined
    return open()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    for await (const rows of this.batches()) yield* rows
  }
}
