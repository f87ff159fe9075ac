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
 * COMMIT waits for all answers, because the server would carry it out behind an error, too. It can go along where nothing
 * is to be undone: in a unit that only reads; and with a lone write whose result nothing can refuse, since the server undoes
 * a failed statement by itself. Not with a write behind other commands, whose refusal does not keep the write from being
 * carried out. Nor where the way to the server may have died: a write without COMMIT is lost, and nothing more.
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
