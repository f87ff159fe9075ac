/**
 * Outcome keys (idempotency keys). The unit writes its key in its own transaction, so the key exists afterwards if, and only
 * if, the unit was committed.
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

/** Maximum length of a key, in bytes of UTF-8. */
const LONGEST_KEY = 1_020

/** The work with the key. The key travels with the first statements of the work. */
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

/** Whether the key exists. Waits for a unit with this key that the server is still committing. */
export function outcomeOf(key: string, driver: Driver): Query<boolean> {
  const problem = problemOf(key)
  if (problem !== undefined) return fail(problem)
  const found = maybeOne(driver.outcomes.find(key)).named(LABEL)
  return program(function* () {
    try {
      return (yield* found) !== undefined
    } catch (error) {
      throw outcomeKeyError(error)
    }
  }).named(LABEL)
}

/** The server compares keys byte by byte: a truncated or altered key would be a different one. */
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

/** The error of an unknown outcome whose key could not be looked up. */
function unsettled({ cause }: CommitUnknownError, asking: unknown): CommitUnknownError {
  const why = asking instanceof Error ? asking.message : String(asking)
  return new CommitUnknownError(
    'COMMIT was sent and its outcome is unknown; looking up its outcomeKey failed, too: ' +
      `${abridged(why, 200)}; call uow.outcome(key) before you run it again, with the same key`,
    { cause },
  )
}

/** Translates a failure that the outcome key caused; returns any other as it is. */
export function outcomeKeyError(error: unknown): unknown {
  if (!(error instanceof StatementError) || error.label !== LABEL) return error
  if (error.kind === 'unknown-name') {
    return new UsageError(
      'the table of outcome keys is missing or outdated: run the migration outcomeTable or, to keep the keys of an earlier ' +
        'table, outcomeTableUpgrade; the package of the driver exports both',
      { cause: error },
    )
  }
  if (error.kind !== 'duplicate-key') return error
  return new AlreadyCommittedError(
    'a unit with this outcomeKey was committed before; this one was rolled back',
    { cause: error },
  )
}
