/**
 * Settling unknown outcomes: a key that the unit writes beside its work is there afterwards if, and only if, the unit was
 * committed.
 */
import type { Driver } from '../driver.ts'
import { AlreadyCommittedError, CommitUnknownError, StatementError, UsageError } from '../errors/errors.ts'
import { all, fail } from '../query/combinators.ts'
import { abridged } from '../errors/messages.ts'
import { program } from '../query/program.ts'
import { affected, maybeOne } from '../query/result-shapes.ts'
import type { Query } from '../query/query.ts'
import { innerJob, type Job } from './job.ts'
import type { Ended } from './unit-attempt.ts'

const LABEL = 'leasehold.outcome'

/** Bytes of a key in UTF-8. */
const LONGEST_KEY = 1_020

/** The work, with the key written first; it travels with the work's own first statements. */
export function withOutcome(job: Job, key: string, driver: Driver): Job {
  const problem = problemOf(key)
  if (problem !== undefined) throw problem
  const record = affected(driver.outcomes.record(key)).named(LABEL)
  if (job.type === 'query') return { ...job, query: all([record, job.query]).map(([, value]) => value) }
  const { body } = job
  return innerJob(async (q, scheduler) => {
    const recorded = q(record)
    const value = await body(q, scheduler)
    await recorded
    return value
  }, job.label)
}

/** Whether the key is there. Waits for a unit with it whose end the server has not seen yet. */
export function outcomeOf(key: string, driver: Driver): Query<boolean> {
  const problem = problemOf(key)
  if (problem !== undefined) return fail(problem)
  const found = maybeOne(driver.outcomes.find(key)).named(LABEL)
  return program(function* () {
    try {
      return (yield* found) !== undefined
    } catch (error) {
      throw explained(error)
    }
  }).named(LABEL)
}

/** Keys are compared byte by byte, so that one that is cut off or changed on its way would be another. */
function problemOf(key: unknown): UsageError | undefined {
  const expected = `outcomeKey: expected a string of 1 to ${LONGEST_KEY} bytes in UTF-8`
  if (typeof key !== 'string') return new UsageError(`${expected}, got ${key === null ? 'null' : typeof key}`)
  if (key === '') return new UsageError(`${expected}, got an empty one`)
  if (!key.isWellFormed()) return new UsageError(`${expected}, got one with half a surrogate pair`)
  const bytes = Buffer.byteLength(key)
  if (bytes <= LONGEST_KEY) return undefined
  return new UsageError(`${expected}, got one of ${bytes} bytes: use a hash of it`)
}

/** Looks an unknown outcome up by its key; if even that fails, it stays unknown. */
export async function settledByKey(
  ended: Extract<Ended, { outcome: 'unknown' }>,
  ask: () => Promise<boolean>,
): Promise<Ended> {
  const { error, value, hooks } = ended
  try {
    if (await ask()) return { outcome: 'committed', value, hooks: hooks.commit }
    const { cause } = error
    return { outcome: 'rolled back', error: cause, cause, mayHaveCommitted: false, hooks: hooks.rollback }
  } catch (asking) {
    return { ...ended, error: unsettled(error, asking) }
  }
}

/** An unknown outcome that its key did not settle, since it could not be asked for. */
function unsettled({ cause }: CommitUnknownError, asking: unknown): CommitUnknownError {
  const why = asking instanceof Error ? asking.message : String(asking)
  return new CommitUnknownError(
    'COMMIT was sent and nothing tells whether it was carried out; its outcomeKey could not be looked up, either: ' +
      `${abridged(why, 200)}; ask uow.outcome(key) before it is run again, with the same key`,
    { cause },
  )
}

/** The failure of a unit on account of its key, told as what it means; any other as it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof StatementError) || error.label !== LABEL) return error
  if (error.kind === 'unknown-name') {
    return new UsageError(
      'the table for outcome keys is missing, or of an earlier definition: run the migration outcomeTable or, to keep the ' +
        'keys of an earlier one, outcomeTableUpgrade, both of which the package of the driver exports',
      { cause: error },
    )
  }
  if (error.kind !== 'duplicate-key') return error
  return new AlreadyCommittedError(
    'a unit with this outcomeKey has been committed before; nothing of this one remains',
    { cause: error },
  )
}
