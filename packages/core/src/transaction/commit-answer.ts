/** Whether the answer to COMMIT tells that nothing was committed. */
import { StatementError, type StatementErrorKind } from '../errors/errors.ts'

/** Kinds of error that, in answer to COMMIT, prove that nothing was committed. Any other error proves nothing. */
const NOT_COMMITTED: ReadonlySet<StatementErrorKind> = new Set([
  'conflict',
  'deadlock',
  'killed',
  'lock-timeout',
  'not-ready',
  'read-only',
  'statement-timeout',
])

export function tellsNotCommitted(answer: unknown): boolean {
  return answer instanceof StatementError && NOT_COMMITTED.has(answer.kind)
}
