/** Programs as a person reads them. */
import { type BodyStep, isBodyOnly, type Program } from './step.ts'

export function textOf(program: Program): string {
  const { unit, options } = program
  const given = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`)
  const head = `unit ${unit} (${given.join(', ')}), a ${program.form}`
  if (program.form === 'query') return [head, ...lines(program.root, '  ')].join('\n')
  if (program.form === 'body') return [head, ...program.steps.flatMap((step) => lines(step, '  '))].join('\n')
  const { pauseAt, pauseMs, leaveAt } = program
  return `${head}\n  pauses ${pauseMs} ms at row ${pauseAt}, ${leaveAt === undefined ? 'takes all' : `leaves at ${leaveAt}`}`
}

function lines(step: BodyStep, indent: string): string[] {
  const inner = `${indent}  `
  if (isBodyOnly(step)) {
    if (step.do !== 'tasks') return [indent + flat(step)]
    const tasks = step.tasks.flatMap((task, index) => [
      `${inner}task ${index + 1}`,
      ...task.flatMap((part) => lines(part, `${inner}  `)),
    ])
    return [`${indent}tasks`, ...tasks]
  }
  switch (step.do) {
    case 'all':
    case 'turn':
    case 'each':
    case 'then':
      return [indent + step.do, ...step.parts.flatMap((part) => lines(part, inner))]
    case 'attempt':
      return [`${indent}attempt`, ...lines(step.part, inner)]
    case 'recover':
      return [
        `${indent}recover`,
        ...lines(step.part, inner),
        `${indent}otherwise`,
        ...lines(step.otherwise, inner),
      ]
    default:
      return [indent + flat(step)]
  }
}

function flat({ do: name, ...facts }: { readonly do: string }): string {
  const given = Object.entries(facts).filter(([, value]) => value !== undefined)
  return [name, ...given.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ')
}
