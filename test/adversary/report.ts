import type { Mode } from './options.ts'
import { textOf } from './program/text.ts'
import type { Violation } from './violation.ts'

export interface Finding {
  readonly violation: Violation
  /** The seed that repeats it. */
  readonly round: number
  readonly server: string
  readonly mode: Mode | undefined
  /** The same in fewer words, if that was tried. */
  readonly smaller: string
}

export function describeFinding({ violation, round, server, mode, smaller }: Finding): string {
  const { rule, detail, program, seen } = violation
  const repeat = `npm run adversary -- --server ${server} --seed ${round} --minutes 0.1${mode === undefined ? '' : ` --mode ${mode}`}`
  return [
    `FOUND   ${rule}${detail === '' ? '' : ` (${detail})`}`,
    `again:  ${repeat}`,
    `seen:   ${seen}`,
    ...(program === undefined ? [] : [textOf(program)]),
    ...(smaller === '' ? [] : [`smaller: ${smaller}`]),
    '',
  ].join('\n')
}
