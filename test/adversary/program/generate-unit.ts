/** Random units: what is run, and with which options. */
import type { Random } from '../../../examples/order-desk/generate/random.ts'
import { pick, times, weighted } from '../choice.ts'
import { NUMBERS, SLOTS } from '../stage/schema.ts'
import { bodySteps, lockSteps } from './generate-body.ts'
import { failure, mark, Marks, move, type Scope, step } from './generate.ts'
import type { BodyStep, Program, Step, UnitOptions } from './step.ts'

export interface UnitScope extends Omit<Scope, 'readOnly'> {
  /** A sliced network carries them too slowly. */
  readonly streams: boolean
  /** What most units of the round are: it takes many of them to meet a fault at the moment that counts. */
  readonly focus?: 'lone' | 'transfers' | undefined
}

export function calmUnit(unit: number, scope: UnitScope): Program {
  const { random } = scope
  const access = random.chance(25) ? 'read' : 'run'
  const marks = new Marks()
  const inner: Scope = { ...scope, readOnly: access === 'read' && random.chance(80) }
  const options: UnitOptions = { ...transaction(random, true), access, hooks: random.chance(30) }
  if (random.chance(60)) return { unit, options, form: 'query', root: step(inner, marks) }
  return { unit, options, form: 'body', steps: bodySteps(inner, marks) }
}

export function hostileUnit(unit: number, scope: UnitScope): Program {
  const { random } = scope
  const marks = new Marks()
  const writing: Scope = { ...scope, readOnly: false }
  const options: UnitOptions = {
    access: 'run',
    hooks: random.chance(40),
    ...transaction(random, false),
    ...ending(random),
  }
  const make = weighted<() => Program>(random, [
    [
      scope.focus === 'lone' ? 80 : 8,
      () => ({ unit, options: loneOptions(random), form: 'query', root: lone(random) }),
    ],
    [2, () => ({ unit, options, form: 'query', root: swallowing(random, marks) })],
    [
      scope.focus === 'transfers' ? 80 : 6,
      () => ({ unit, options, form: 'query', root: transfers(random, marks) }),
    ],
    [4, () => ({ unit, options, form: 'query', root: step(writing, marks) })],
    [4, () => ({ unit, options, form: 'body', steps: bodySteps(writing, marks) })],
    [3, () => ({ unit, options, form: 'body', steps: lockSteps(random, marks, false) })],
    [
      2,
      () => ({
        unit,
        options: { ...options, isolationLevel: 'serializable' },
        form: 'body',
        steps: lockSteps(random, marks, true),
      }),
    ],
    [
      3,
      () => ({ unit, options: { ...options, access: 'read', outcomeKey: false }, ...reader(scope, marks) }),
    ],
    [1, () => ({ unit, options, form: 'query', root: beside(scope, marks) })],
    [
      scope.streams ? 2 : 0,
      () => ({
        unit,
        options: { ...options, ...ending(random, 60) },
        form: 'body',
        steps: streaming(random),
      }),
    ],
    [scope.streams ? 2 : 0, () => streamed(unit, random)],
  ])
  return make()
}

/** A lone write, with whose COMMIT it shares a flight. */
function lone(random: Random): Step {
  const facts = { step: 1, slot: random.integer(1, SLOTS), style: random.integer(1, 40) }
  return { do: 'mark', how: random.chance(70) ? 'slot' : 'insert', ...facts }
}

/** Without options that begin a transaction ahead of it, most of the time. */
function loneOptions(random: Random): UnitOptions {
  const options = random.chance(15) ? transaction(random, false) : random.chance(20) ? { retry: false } : {}
  return { access: 'run', hooks: random.chance(40), ...options, ...ending(random, 50) }
}

/** Something before and something behind a procedure that makes light of what goes wrong in it. */
function swallowing(random: Random, marks: Marks): Step {
  const style = random.integer(1, 40)
  const insert = (): Step => ({ do: 'mark', how: 'insert', step: marks.take(), slot: 1, style })
  const call: Step = { do: 'call', procedure: 'swallowing', slot: 1, step: random.integer(0, 1) }
  return { do: 'turn', parts: [insert(), call, ...(random.chance(50) ? [insert()] : [])] }
}

/** What is half of something when a part of it is lost; its tables come in any order, as those of definitions don't. */
function transfers(random: Random, marks: Marks): Step {
  const how = pick(random, ['slot', 'insert'])
  const first: Step = {
    do: 'mark',
    how,
    step: marks.take(),
    slot: random.integer(1, SLOTS),
    style: random.integer(1, 40),
  }
  const parts = times(random.integer(1, 3), () => move(random, marks))
  return { do: random.chance(30) ? 'all' : 'turn', parts: random.chance(60) ? [first, ...parts] : parts }
}

type Form = { form: 'query'; root: Step } | { form: 'body'; steps: readonly BodyStep[] }

/** A unit that only reads, as far as the types can tell. */
function reader(scope: UnitScope, marks: Marks): Form {
  const inner: Scope = { ...scope, readOnly: true }
  const { random } = scope
  const attempts = times(random.integer(1, 3), (): Step => ({
    do: 'attempt',
    part: random.chance(50) ? failure(inner, marks) : mark(inner, marks),
  }))
  const steps: Step[] = random.chance(60) ? attempts : [step(inner, marks), ...attempts]
  return random.chance(50) ? { form: 'body', steps } : { form: 'query', root: { do: 'turn', parts: steps } }
}

/** A function that writes, beside what fails. */
function beside(scope: UnitScope, marks: Marks): Step {
  const inner: Scope = { ...scope, readOnly: true }
  return { do: 'all', parts: [mark(inner, marks), failure(inner, marks)] }
}

function streaming(random: Random): BodyStep[] {
  return [{ do: 'stream', pauseAt: random.integer(1, NUMBERS), leaveAt: random.chance(20) ? 500 : undefined }]
}

function streamed(unit: number, random: Random): Program {
  const { timeout, abortAfter } = ending(random, 60)
  const bounds = {
    ...(timeout === undefined ? {} : { timeout }),
    ...(abortAfter === undefined ? {} : { abortAfter }),
  }
  return {
    unit,
    options: { access: 'read', ...bounds },
    form: 'stream',
    pauseAt: random.integer(1, NUMBERS),
    pauseMs: random.integer(1, 20),
    leaveAt: random.chance(30) ? random.integer(1, NUMBERS) : undefined,
  }
}

/** Times that may strike are not for those who compare. */
function transaction(random: Random, calm: boolean): Partial<UnitOptions> {
  const level = random.chance(30)
    ? pick(random, ['read committed', 'repeatable read', 'serializable'] as const)
    : undefined
  return {
    ...(level === undefined ? {} : { isolationLevel: level }),
    ...(random.chance(15) ? { snapshot: true } : {}),
    ...(random.chance(10) ? { statementTimeout: calm ? 5_000 : pick(random, [5, 20, 5_000]) } : {}),
    ...(random.chance(5) ? { accessMode: pick(random, ['read write', 'read only'] as const) } : {}),
    ...(random.chance(25) ? { retry: random.chance(70) } : {}),
  }
}

/** How the unit may be ended from outside, and what is to be found out then. */
function ending(random: Random, percent = 35): Partial<UnitOptions> {
  if (!random.chance(percent)) return random.chance(20) ? { outcomeKey: true } : {}
  // Most units last for a few milliseconds; some wait for locks.
  const ms = random.chance(75) ? random.integer(0, 6) : random.integer(5, 120)
  return random.chance(70) ? { abortAfter: ms } : { timeout: Math.max(1, ms) }
}
