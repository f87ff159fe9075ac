/** What the answer to COMMIT says of the unit. */
import type { Answer } from '../driver.ts'
import {
  CommitUnknownError,
  LeaseholdError,
  StatementError,
  type StatementErrorKind,
} from '../errors/errors.ts'

/** Kinds of error that, in answer to COMMIT, say that nothing was committed; of any other nobody can tell. */
const NOT_COMMITTED: ReadonlySet<StatementErrorKind> = new Set([
  'conflict',
  'deadlock',
  'killed',
  'lock-timeout',
  'not-ready',
  'read-only',
  'statement-timeout',
])

/**
 * Nothing if it was committed; the answer, if it was rolled back or had written nothing; else a `CommitUnknownError` with
 * the answer for its cause.
 */
export function refusalOf(
  answer: Answer,
  { wrote }: { readonly wrote: boolean },
): LeaseholdError | undefined {
  if (!(answer instanceof LeaseholdError)) return undefined
  if (!wrote || (answer instanceof StatementError && NOT_COMMITTED.has(answer.kind))) return answer
  const number = answer instanceof StatementError ? `${answer.errno}, ${answer.sqlState}` : answer.name
  return new CommitUnknownError(
    `COMMIT was answered with an error that does not tell whether it was carried out (${number}): the unit is in the ` +
      'database whole or not at all; look there before running it again, or give it an outcomeKey',
    { cause: answer },
  )
}
