/** Rows as they come from the server, no faster than they are taken. */
import { UsageError } from '../errors/errors.ts'
import { leadToCaller } from '../errors/stack-trace.ts'

/** Where the rows of a stream come from. */
export interface RowSource<out Row> {
  readonly batches: AsyncGenerator<readonly Row[], void, undefined>
  /** What their unit has failed with, also while nobody asks for more. */
  readonly failure: () => { readonly error: unknown } | undefined
}

/**
 * The rows of one statement: `for await (const row of rows)`. However many they are, only some hundred are in memory.
 * Leaving the loop, however it is left, has the server stop and the connection free at once. Once the unit has failed, by
 * its deadline for instance, the loop is given no further row. Can be iterated once.
 */
export class RowStream<out Row> implements AsyncIterable<Row> {
  #open: (() => RowSource<Row>) | undefined

  /** Streams are made by `q.stream` and `uow.stream`, not by hand. */
  constructor(open: () => RowSource<Row>) {
    this.#open = open
  }

  /** For whoever makes a stream of another. */
  static sourceOf<Row>(stream: RowStream<Row>): RowSource<Row> {
    const open = stream.#open
    if (open === undefined) throw new UsageError('a stream of rows was iterated twice: ask for another one')
    stream.#open = undefined
    return open()
  }

  /** The same rows, as many at a time as came together. */
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
