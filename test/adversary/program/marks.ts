/** Which rows a unit must have left in the ledger, by what it gave. */
import type { Attempt } from '@leasehold/core'
import { type BodyStep, isBodyOnly, type Program, type Step } from './step.ts'

/** What `recover` gives. */
export type Recovered = { readonly whole: unknown } | { readonly otherwise: unknown }

/** The marks of a unit that was committed with this value. */
export function marksOf(program: Program, value: unknown): number[] {
  if (program.options.access === 'read' || program.form === 'stream') return []
  if (program.form === 'query') return within(program.root, value)
  const values = listOf(value)
  return program.steps.flatMap((step, index) => ofBodyStep(step, values[index]))
}

/** The marks that it leaves if it is committed at all, whatever its attempts come to. */
export function marksForSure(program: Program): number[] {
  return marksOf(program, undefined)
}

function ofBodyStep(step: BodyStep, value: unknown): number[] {
  if (!isBodyOnly(step)) return within(step, value)
  if (step.do !== 'tasks') return []
  const values = listOf(value)
  return step.tasks.flatMap((parts, index) => ofList(parts, values[index]))
}

export function within(step: Step, value: unknown): number[] {
  switch (step.do) {
    case 'mark':
      return [step.step]
    case 'move':
      return [step.step, step.step + 1]
    case 'call':
      return step.procedure === 'committing' || step.procedure === 'recommitting' ? [step.step] : []
    case 'all':
    case 'turn':
    case 'each':
    case 'then':
      return ofList(step.parts, value)
    case 'attempt': {
      const attempt = value as Attempt<unknown> | undefined
      return attempt?.ok === true ? within(step.part, attempt.value) : []
    }
    case 'recover': {
      const recovered = value as Recovered | undefined
      if (recovered === undefined) return []
      return 'whole' in recovered
        ? within(step.part, recovered.whole)
        : within(step.otherwise, recovered.otherwise)
    }
    default:
      return []
  }
}

function ofList(parts: readonly Step[], value: unknown): number[] {
  const values = listOf(value)
  return parts.flatMap((part, index) => within(part, values[index]))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}
