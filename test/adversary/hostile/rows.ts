/** Whether the rows that a committed unit has read fit together. */
import { within as marksWithin } from '../program/marks.ts'
import { type BodyStep, isBodyOnly, type Program, type Step } from '../program/step.ts'
import { ACCOUNTS, CENTS } from '../stage/schema.ts'
import type { Violation } from '../violation.ts'
import type { Report } from './verdict.ts'

export function rowsAgainst(program: Program, report: Report): Violation[] {
  return against(program, report, (root, value) => [
    ...ownWrites(root, value),
    ...leftovers(root, value, program.unit),
  ])
}

/** Where no unit is there in part, nobody sees a sum other than the one that is kept. */
export function sumsAgainst(program: Program, report: Report): Violation[] {
  return against(program, report, sums)
}

function against(
  program: Program,
  report: Report,
  look: (root: Step, value: unknown) => readonly string[],
): Violation[] {
  if (!report.ok || program.form === 'stream') return []
  const root = program.form === 'query' ? program.root : asTurn(program.steps)
  return look(root, report.value).map((seen) => ({ rule: 'rows', detail: program.form, program, seen }))
}

/** A body as the steps that it is, what gives no rows left out. */
function asTurn(steps: readonly BodyStep[]): Step {
  const parts = steps.map((step): Step => {
    if (!isBodyOnly(step)) return step
    if (step.do !== 'tasks') return { do: 'sleep', ms: 0 }
    return { do: 'all', parts: step.tasks.map((parts): Step => ({ do: 'turn', parts })) }
  })
  return { do: 'turn', parts }
}

/** What the session has of those who had it before. */
function leftovers(step: Step, value: unknown, unit: number): string[] {
  if (step.do === 'session') {
    const { left } = value as { left: number | null }
    return left === null || left === unit ? [] : [`a variable that unit ${left} had set`]
  }
  if (!('parts' in step) || !Array.isArray(value)) return []
  return step.parts.flatMap((part, index) => leftovers(part, value[index], unit))
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
