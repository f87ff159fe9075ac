/** What the report of a unit promises, and what speaks against it. */
import {
  AcquireError,
  AlreadyCommittedError,
  CommitUnknownError,
  ConnectionLostError,
  ImplicitCommitError,
  LeaseholdError,
  StatementError,
} from '@leasehold/core'
import { marksForSure, marksOf } from '../program/marks.ts'
import { Refusal } from '../program/query.ts'
import { mayCommit, type Program } from '../program/step.ts'
import type { Violation } from '../violation.ts'

export type Report =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

export type Outcome = 'committed' | 'rolled back' | 'unknown' | 'partly committed'

export function outcomeOf(program: Program, report: Report): Outcome {
  if (report.ok) return 'committed'
  if (report.error instanceof CommitUnknownError) return 'unknown'
  if (report.error instanceof ImplicitCommitError) return 'partly committed'
  return hidesCommits(report.error) && mayCommit(program) ? 'partly committed' : 'rolled back'
}

/** Failures behind which nobody can tell whether a procedure had committed before. */
function hidesCommits(error: unknown): boolean {
  if (error instanceof StatementError) return error.kind === 'deadlock' || error.kind === 'conflict'
  return error instanceof ConnectionLostError
}

/** Class, and kind or reason. */
export function nameOf(report: Report): string {
  if (report.ok) return 'committed'
  const { error } = report
  if (error instanceof StatementError) return `${error.name} ${error.kind}`
  if (error instanceof AcquireError) return `${error.name} ${error.reason}`
  return error instanceof Error ? error.name : String(error)
}

/** What the marks that are there say against the report. */
export function marksAgainst(
  program: Program,
  report: Report,
  found: readonly number[],
  when: string,
): Violation[] {
  const against = (rule: string, expected: string): Violation[] => [
    {
      rule,
      detail: `${nameOf(report)}, ${program.options.access} of a ${program.form}, ${found.length === 0 ? 'none' : 'marks'} found`,
      program,
      seen: `${when}: told ${tell(report)}; expected ${expected}, found the marks [${found.join(', ')}]`,
    },
  ]
  switch (outcomeOf(program, report)) {
    case 'committed': {
      const marks = marksOf(program, report.ok ? report.value : undefined).sort((a, b) => a - b)
      if (same(marks, found)) return []
      const rule = program.options.access === 'read' ? 'read left something' : 'committed, but not as told'
      return against(rule, `the marks [${marks.join(', ')}]`)
    }
    case 'rolled back':
      return found.length === 0 ? [] : against('error, but in the database', 'none')
    case 'unknown': {
      const all = marksForSure(program)
      const whole = all.every((mark) => found.includes(mark))
      return found.length === 0 || whole ? [] : against('unknown, but in part', `[${all.join(', ')}] or none`)
    }
    default:
      return []
  }
}

/** What an outcome key that is there, or is not, says against the report, and against the marks of its unit. */
export function keyAgainst(
  program: Program,
  report: Report,
  { there, marked }: { readonly there: boolean; readonly marked: boolean },
): Violation[] {
  if (program.options.outcomeKey !== true) return []
  const outcome = outcomeOf(program, report)
  if (outcome === 'partly committed') return []
  const expected = outcome === 'unknown' ? there || !marked : there === (outcome === 'committed')
  if (expected) return []
  const seen = `told ${tell(report)}, and its key is ${there ? '' : 'not '}there; marks are${marked ? '' : ' not'}`
  return [{ rule: 'outcome key', detail: nameOf(report), program, seen }]
}

/** Errors that no fault can be the reason of. */
export function unexpected(program: Program, report: Report): Violation[] {
  if (report.ok) return []
  const { error } = report
  const known = error instanceof LeaseholdError || error instanceof Refusal
  if (known && !(error instanceof AlreadyCommittedError)) return []
  return [{ rule: 'unexpected error', detail: nameOf(report), program, seen: tell(report) }]
}

export function tell(report: Report): string {
  if (report.ok) return `committed, with ${JSON.stringify(report.value)?.slice(0, 600)}`
  const { error } = report
  if (!(error instanceof Error)) return String(error)
  const causes: string[] = []
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    causes.push(`${cause.name}: ${cause.message}`)
  const text = [`${error.name}: ${error.message}`, ...causes].join(', because of ')
  return error instanceof LeaseholdError || error instanceof Refusal ? text : `${text}\n${error.stack ?? ''}`
}

function same(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index])
}
