/** When COMMIT is sent. */
import type { StatementKind } from '../statement/statement.ts'
import type { CommitFacts } from '../transaction/transaction.ts'

/**
 * - `later`: COMMIT waits for the answers to this flight.
 * - `along`: COMMIT travels in this flight, behind its statements.
 * - `implied`: the transaction is one plain read, which ends it by itself.
 */
export type CommitTiming = 'later' | 'along' | 'implied'

/** A statement of the flight. */
export interface CommitStatement {
  readonly kind: StatementKind
  readonly mayWrite: boolean
  readonly returning: boolean
  /** Whether its result may be refused, as by `affected({ expected: 1 })`. */
  readonly checked: boolean
}

/** The work of the unit behind the flight. */
export interface CommitWork {
  /** Whether no statement can follow the flight. */
  readonly isLast: boolean
  /** Whether no computation on its results can fail, either. */
  readonly isCertain: boolean
}

/**
 * COMMIT waits for all answers, because the server executes it after an error, too. It travels along where an error leaves
 * nothing to undo: in a unit that only reads, and with a lone write whose result no check can refuse. The server undoes a
 * failed statement by itself.
 * A write behind other commands waits, because the server executes the write even if it refuses those commands. A write on a
 * connection that was silent waits, because a lost write without COMMIT has changed nothing.
 */
export function commitTiming(
  statements: readonly CommitStatement[],
  transaction: CommitFacts,
  { isLast, isCertain }: CommitWork,
): CommitTiming {
  const { readOnly, wrote, ahead, proven } = transaction
  if (!isLast || wrote) return 'later'
  const [first, another] = statements
  if (statements.every(({ kind, mayWrite }) => (readOnly ? kind === 'read' : !mayWrite))) {
    const isLoneRead = readOnly && another === undefined && ahead === 'begin read only'
    return isLoneRead ? 'implied' : 'along'
  }
  if (another !== undefined || first?.kind !== 'write' || first.checked || first.returning) return 'later'
  return isCertain && ahead === 'nothing' && proven ? 'along' : 'later'
}
