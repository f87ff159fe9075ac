/** When COMMIT is sent, as a table. */
import { describe, expect, test } from 'vitest'
import {
  type CommitStatement,
  type CommitTiming,
  commitTiming,
  type CommitWork,
} from '#core/executor/commit-timing.ts'
import type { CommitFacts } from '#core/transaction/transaction.ts'

const read: CommitStatement = { kind: 'read', mayWrite: false, returning: false, checked: false }
const statements = {
  read,
  'read that may write': { ...read, mayWrite: true },
  'locking read': { ...read, kind: 'locking read' },
  write: { ...read, kind: 'write', mayWrite: true },
  'checked write': { ...read, kind: 'write', mayWrite: true, checked: true },
  'write with RETURNING': { ...read, kind: 'write', mayWrite: true, returning: true },
  unknown: { ...read, kind: 'unknown', mayWrite: true },
} as const satisfies Record<string, CommitStatement>

type Name = keyof typeof statements

const fresh: CommitFacts = { readOnly: false, wrote: false, ahead: 'nothing', proven: true }
const readOnly: CommitFacts = { ...fresh, readOnly: true, ahead: 'begin read only' }
const over: CommitWork = { isLast: true, isCertain: true }
const computing: CommitWork = { isLast: true, isCertain: false }
const goingOn: CommitWork = { isLast: false, isCertain: false }

type Row = readonly [names: readonly Name[], transaction: CommitFacts, work: CommitWork, timing: CommitTiming]

function timingOf([names, transaction, work]: Row): CommitTiming {
  return commitTiming(
    names.map((name) => statements[name]),
    transaction,
    work,
  )
}

describe.each<[string, readonly Row[]]>([
  [
    'a unit that may write',
    [
      [['read'], fresh, over, 'along'],
      [['read', 'read'], fresh, computing, 'along'],
      [['locking read'], fresh, computing, 'along'],
      [['read'], { ...fresh, ahead: 'more', proven: false }, over, 'along'],
      [['read that may write'], fresh, over, 'later'],
      [['read', 'read that may write'], fresh, over, 'later'],
      [['write'], fresh, over, 'along'],
      [['write'], fresh, computing, 'later'],
      [['write'], { ...fresh, ahead: 'more' }, over, 'later'],
      [['write'], { ...fresh, proven: false }, over, 'later'],
      [['write', 'write'], fresh, over, 'later'],
      [['read', 'write'], fresh, over, 'later'],
      [['write', 'read'], fresh, over, 'later'],
      [['checked write'], fresh, over, 'later'],
      [['write with RETURNING'], fresh, over, 'later'],
      [['unknown'], fresh, over, 'later'],
    ],
  ],
  [
    'a unit that only reads',
    [
      [['read'], readOnly, over, 'implied'],
      [['read'], readOnly, computing, 'implied'],
      [['read that may write'], readOnly, over, 'implied'],
      [['read', 'read'], readOnly, over, 'along'],
      [['read'], { ...readOnly, ahead: 'more' }, over, 'along'],
      [['read'], { ...readOnly, ahead: 'nothing' }, over, 'along'],
      [['locking read'], readOnly, over, 'later'],
      [['read', 'locking read'], readOnly, over, 'later'],
    ],
  ],
])('COMMIT of %s', (_, rows) => {
  test.each(rows)('%j in %j with %j is sent %s', (...row) => {
    expect(timingOf(row)).toBe(row[3])
  })
})

test.each(Object.keys(statements) as Name[])('COMMIT waits while work may follow a %s', (name) => {
  for (const transaction of [fresh, readOnly]) {
    expect(timingOf([[name], transaction, goingOn, 'later'])).toBe('later')
  }
})

test.each(Object.keys(statements) as Name[])('COMMIT waits for a %s behind an earlier write', (name) => {
  expect(timingOf([[name], { ...fresh, wrote: true }, over, 'later'])).toBe('later')
})
