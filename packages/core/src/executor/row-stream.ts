/** Rows as they arrive from the server, no faster than the loop takes them. */
import { UsageError } from '../errors/errors.ts'
import { leadToCaller } from '../errors/stack-trace.ts'

/** The source of the rows of a stream. */
export interface RowSource<out Row> {
  readonly batches: AsyncGenerator<readonly Row[], void, undefined>
  /** The failure of the stream's unit, which may arise between two batches. */
  readonly failure: () => { readonly error: unknown } | undefined
}

/**
 * The rows of one statement: `for await (const row of rows)`. At most some hundred rows are in memory. Leaving the loop by
 * `break`, `return` or an error stops the statement on the server and frees the connection. A unit that has failed, by its
 * deadline for instance, gives no further row. A stream can be iterated once.
 */
export class RowStream<out Row> implements AsyncIterable<Row> {
  #open: (() => RowSource<Row>) | undefined

  /** `q.stream` and `uow.stream` make streams. */
  constructor(open: () => RowSource<Row>) {
    this.#open = open
  }

  /** The source, for a stream that wraps this one. */
  static sourceOf<Row>(stream: RowStream<Row>): RowSource<Row> {
    const open = stream.#open
    if (open === undefined)
      throw new UsageError('a stream of rows was iterated twice: call stream once for each loop')
    stream.#open = undefined
    return open()
  }

  /** The same rows in batches, as they arrived. */
  batches(): AsyncGenerator<readonly Row[], void, undefined> {
    return batchesOf(RowStream.sourceOf(this))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    const source = RowStream.sourceOf(this)
    for await (const rows of source.batches) {
      for (const row of rows) {
        assertGoing(source)
        yield row
      }
    }
  }
}

async function* batchesOf<Row>(source: RowSource<Row>): AsyncGenerator<readonly Row[], void, undefined> {
  for await (const rows of source.batches) {
    assertGoing(source)
    yield rows
  }
}

function assertGoing({ failure }: RowSource<unknown>): void {
  const failed = failure()
  if (failed !== undefined) throw leadToCaller(failed.error)
}
