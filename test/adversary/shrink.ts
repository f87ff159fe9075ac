/** Makes what was found smaller, as far as it stays red within a bounded number of tries. */
import type { Plan } from './hostile/plan.ts'
import type { Program, Step } from './program/step.ts'
import { textOf } from './program/text.ts'
import type { Violation } from './violation.ts'

const TRIES = 14
/** Moments are the machine's: what was red once may need another try. */
const RUNS = 2
/** Milliseconds in all. */
const LONGEST = 20_000

export async function shrinkRound(
  plan: Plan,
  { rule, program }: Violation,
  run: (plan: Plan) => Promise<readonly Violation[]>,
): Promise<string> {
  let last: Violation | undefined
  const isRed = async (smaller: Plan): Promise<boolean> => {
    for (let times = 0; times < RUNS; times += 1) {
      const found = (await run(smaller)).find((violation) => violation.rule === rule)
      if (found !== undefined) {
        last = found
        return true
      }
    }
    return false
  }
  const smallest = await smallestOf(plan, (plan) => smallerPlans(plan, program), isRed)
  if (last === undefined) return 'not red again; the moments are the machine’s'
  const kinds = [...new Set(smallest.faults.map(({ kind }) => kind))]
  return [
    `${smallest.clients.length} clients, ${smallest.clients.flat().length} programs, ${smallest.faults.length} faults (${kinds.join(', ') || 'none'})`,
    `seen:   ${last.seen}`,
    ...(last.program === undefined ? [] : [textOf(last.program)]),
  ].join('\n')
}

export async function shrinkCalm(
  programs: readonly Program[],
  run: (programs: readonly Program[]) => Promise<readonly Violation[]>,
): Promise<string> {
  let last: Violation | undefined
  const isRed = async (smaller: readonly Program[]): Promise<boolean> => {
    const [found] = await run(smaller)
    if (found !== undefined) last = found
    return found !== undefined
  }
  const [found] = await run(programs)
  if (found?.program === undefined) return 'not red again'
  const alone: readonly Program[] = [found.program]
  const start = (await isRed(alone)) ? alone : programs.slice(0, programs.indexOf(found.program) + 1)
  await smallestOf<readonly Program[]>(start, (programs) => withLastSmaller(programs), isRed, 60)
  return last?.program === undefined ? '' : `${textOf(last.program)}\nseen:   ${last.seen}`
}

async function smallestOf<T>(
  start: T,
  smallerOnes: (from: T) => Iterable<T>,
  isRed: (candidate: T) => Promise<boolean>,
  tries = TRIES,
): Promise<T> {
  const end = performance.now() + LONGEST
  let smallest = start
  let left = tries
  search: for (;;) {
    for (const candidate of smallerOnes(smallest)) {
      if (left === 0 || performance.now() > end) return smallest
      left -= 1
      if (!(await isRed(candidate))) continue
      smallest = candidate
      continue search
    }
    return smallest
  }
}

/** Without some of the faults, then with fewer clients, then with fewer programs. */
function* smallerPlans(plan: Plan, red: Program | undefined): Generator<Plan> {
  const { clients, faults } = plan
  const kinds = [...new Set(faults.map(({ kind }) => kind))]
  if (kinds.length > 0) yield { ...plan, faults: [] }
  if (kinds.length > 1)
    for (const kind of kinds) yield { ...plan, faults: faults.filter((fault) => fault.kind === kind) }
  const own = clients.filter((programs) => programs.some(({ unit }) => unit === red?.unit))
  if (own.length === 1 && clients.length > 1) yield { ...plan, clients: own }
  if (clients.length > 2)
    yield { ...plan, clients: [...new Set([...own, ...clients.slice(0, clients.length / 2)])] }
  for (const programs of own) {
    const program = programs.filter(({ unit }) => unit === red?.unit)
    // The same over and over: it is the moment that counts.
    if (programs.some(({ unit }) => unit !== red?.unit))
      yield { ...plan, clients: clients.map((all) => (all === programs ? program : all)) }
  }
}

/** The last program is the one that differs. */
function* withLastSmaller(programs: readonly Program[]): Generator<readonly Program[]> {
  const last = programs.at(-1)
  if (programs.length > 1) yield programs.slice(1)
  if (last === undefined) return
  const before = programs.slice(0, -1)
  if (last.form === 'query') for (const root of smallerSteps(last.root)) yield [...before, { ...last, root }]
  if (last.form === 'body') {
    for (const index of last.steps.keys())
      yield [...before, { ...last, steps: last.steps.toSpliced(index, 1) }]
  }
}

/** A part for the whole, or the whole without a part. */
function* smallerSteps(step: Step): Generator<Step> {
  if (step.do === 'attempt') {
    yield step.part
    for (const part of smallerSteps(step.part)) yield { ...step, part }
  } else if (step.do === 'recover') {
    yield step.part
    yield step.otherwise
  } else if (step.do === 'all' || step.do === 'turn' || step.do === 'each') {
    const { parts } = step
    yield* parts
    if (parts.length > 1)
      for (const index of parts.keys()) yield { ...step, parts: parts.toSpliced(index, 1) }
    for (const [index, part] of parts.entries()) {
      for (const smaller of smallerSteps(part)) yield { ...step, parts: parts.with(index, smaller) }
    }
  } else if (step.do === 'then') yield* step.parts
}
