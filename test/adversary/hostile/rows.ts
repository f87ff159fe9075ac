/** Whether the rows that a committed unit has read fit together. */
import { within as marksWithin } from '../program/marks.ts'
import type { Program, Step } from '../program/step.ts'
import { ACCOUNTS, CENTS } from '../stage/schema.ts'
import type { Violation } from '../violation.ts'
import type { Report } from './verdict.ts'

export function rowsAgainst(program: Program, report: Report): Violation[] {
  if (!report.ok || program.form !== 'query') return []
  const seen = [...sums(program.root, report.value), ...ownWrites(program.root, report.value)]
  return seen.map((seen) => ({ rule: 'rows', detail: program.form, program, seen }))
}

/** Nobody sees half of another's move; only the unit itself can see half of its own. */
function sums(root: Step, value: unknown): string[] {
  if (moves(root)) return []
  return totals(root, value)
    .filter((total) => total !== ACCOUNTS * CENTS)
    .map((total) => `a sum of ${total}, and not ${ACCOUNTS * CENTS}`)
}

function moves(step: Step): boolean {
  if (step.do === 'move' || step.do === 'add') return true
  if (step.do === 'attempt') return moves(step.part)
  if (step.do === 'recover') return moves(step.part) || moves(step.otherwise)
  return 'parts' in step && step.parts.some(moves)
}

function totals(step: Step, value: unknown): number[] {
  if (step.do === 'sum' || step.do === 'raw sum') return [Number((value as { total: unknown }).total)]
  if (!('parts' in step) || !Array.isArray(value)) return []
  return step.parts.flatMap((part, index) => totals(part, value[index]))
}

/** In a row of steps, what was written before is there to be read. */
function ownWrites(root: Step, value: unknown): string[] {
  if (root.do !== 'turn' || !Array.isArray(value)) return []
  const before: number[] = []
  const found: string[] = []
  for (const [index, part] of root.parts.entries()) {
    const got: unknown = value[index]
    if (part.do === 'own') {
      const seen = (got as { step: number }[]).map(({ step }) => step)
      const expected = before.toSorted((a, b) => a - b)
      if (seen.join() !== expected.join())
        found.push(`own marks [${seen.join(', ')}], and not [${expected.join(', ')}]`)
    }
    before.push(...marksWithin(part, got))
  }
  return found
}
