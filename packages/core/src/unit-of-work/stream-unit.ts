/** The unit behind `uow.stream`. It begins and ends with the loop that takes its rows. */
import { leadToCaller } from '../errors/stack-trace.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import type { RowSource } from '../executor/row-stream.ts'
import type { RowsQueryable } from '../query/query.ts'
import { innerJob, jobOf, labelOf } from './job.ts'
import { rendezvous } from './rendezvous.ts'
import type { RunOptions, StreamOptions } from './unit-options.ts'
import { assertUnitOptions } from './option-checks.ts'
import type { UnitRunner } from './unit-runner.ts'

type Batches = AsyncGenerator<readonly unknown[], void, undefined>

/** The rows of a query, in batches. */
export function streamUnit(
  units: UnitRunner,
  query: RowsQueryable,
  options: StreamOptions,
): RowSource<unknown> {
  assertUnitOptions('stream', options)
  if (units.source.sandboxed) {
    return { batches: inOneBatch(units, query, options), failure: () => undefined }
  }
  let running: Scheduler | undefined
  const batches = beside(async (give) => {
    const job = innerJob(async (q, scheduler) => {
      running = scheduler
      for await (const rows of q.stream(query).batches()) if (!(await give(rows))) return
    }, labelOf(query))
    // Rows that were handed out cannot be taken back, whatever the defaults say.
    await units.run(job, { ...options, retry: false }, 'read')
  })
  return { batches, failure: () => running?.failure }
}

/** In a sandbox the unit ends before its rows are taken. */
async function* inOneBatch(units: UnitRunner, query: RowsQueryable, options: RunOptions): Batches {
  yield (await units.run(jobOf(query), options, 'read')) as readonly unknown[]
}

/** The batches of a unit that runs beside the loop that takes them. */
async function* beside(
  unit: (give: (rows: readonly unknown[]) => Promise<boolean>) => Promise<void>,
): Batches {
  const meeting = rendezvous<readonly unknown[]>()
  try {
    yield* meeting.take(unit((rows) => meeting.give(rows)))
  } catch (error) {
    throw leadToCaller(error)
  }
}
