/** Random programs. */
import type { Random } from '../../../examples/order-desk/generate/random.ts'
import { pick, times, weighted } from '../choice.ts'
import { ACCOUNTS, NOTES, SLOTS } from '../stage/schema.ts'
import { type BodyStep, type Failure, isBodyOnly, type Leaf, type MarkWay, type Step } from './step.ts'

/** What the steps of a program may be. */
export interface Scope {
  readonly random: Random
  /** Without rivals and faults every way must do the same: nothing that goes by the moment. */
  readonly calm: boolean
  /** RETURNING is MariaDB's. */
  readonly returning: boolean
  /** Steps that a unit that only reads may try, too. */
  readonly readOnly: boolean
}

/** Numbers that tell the marks of a unit apart. */
export class Marks {
  #next = 1

  take(count = 1): number {
    const first = this.#next
    this.#next += count
    return first
  }
}

export function step(scope: Scope, marks: Marks, depth = 0): Step {
  const { random } = scope
  const leafOnly = depth >= 3
  const kind = weighted(random, [
    [5, 'leaf'],
    [leafOnly || scope.readOnly ? 0 : 3, 'move'],
    [leafOnly ? 0 : 2, 'all'],
    [leafOnly ? 0 : 3, 'turn'],
    [leafOnly ? 0 : 1, 'each'],
    [leafOnly ? 0 : 1, 'then'],
    [leafOnly ? 0 : 3, 'attempt'],
    [leafOnly ? 0 : 1, 'recover'],
    [1, 'load'],
    [1, 'relate'],
  ] as const)
  const inner = (): Step => step(scope, marks, depth + 1)
  switch (kind) {
    case 'move':
      return move(random, marks)
    case 'all':
    case 'each':
      return {
        do: kind,
        parts: times(random.integer(1, 4), () => besides(step(scope, marks, depth + 1), scope, marks)),
      }
    case 'turn':
      return { do: kind, parts: times(random.integer(1, 4), inner) }
    case 'then':
      return { do: kind, parts: [inner(), inner()] }
    case 'attempt':
      return { do: kind, part: mayFail(scope, marks, inner()) }
    case 'recover':
      return { do: kind, part: mayFail(scope, marks, inner()), otherwise: inner() }
    case 'load':
    case 'relate':
      return { do: kind, ids: times(random.integer(1, 4), () => random.integer(1, ACCOUNTS + 1)) }
    default:
      return leaf(scope, marks)
  }
}

/** Loads and writes beside each other have no order: a branch that loads is made one that doesn't. */
function besides(part: Step, scope: Scope, marks: Marks): Step {
  return loads(part) ? leaf(scope, marks) : part
}

function loads(part: BodyStep): boolean {
  if (isBodyOnly(part)) return false
  if (part.do === 'load' || part.do === 'relate') return true
  if (part.do === 'attempt') return loads(part.part)
  if (part.do === 'recover') return loads(part.part) || loads(part.otherwise)
  return 'parts' in part && part.parts.some(loads)
}

/** Attempts are there to fail, so that half of them do, at their end. */
function mayFail(scope: Scope, marks: Marks, part: Step): Step {
  if (scope.random.chance(50)) return part
  return { do: 'turn', parts: [part, failure(scope, marks)] }
}

export function move(random: Random, marks: Marks): Step {
  const from = random.integer(1, ACCOUNTS)
  const to = (from % ACCOUNTS) + 1
  const facts = { cents: random.integer(1, 50), step: marks.take(2), together: random.chance(50) }
  return { do: 'move', from, to, ...facts, style: style(random) }
}

export function mark(scope: Scope, marks: Marks): Leaf {
  const { random, returning, readOnly } = scope
  const how = weighted<MarkWay>(random, [
    [readOnly ? 0 : 4, 'insert'],
    [readOnly ? 0 : 1, 'raw insert'],
    [readOnly ? 0 : 4, 'slot'],
    [2, 'function'],
    [1, 'odd function'],
    [readOnly ? 0 : 1, 'procedure'],
    [returning && !readOnly ? 1 : 0, 'returning'],
    [returning && !readOnly ? 1 : 0, 'hidden returning'],
  ])
  return { do: 'mark', how, step: marks.take(), slot: random.integer(1, SLOTS), style: style(random) }
}

export function failure(scope: Scope, marks: Marks): Leaf {
  const { random, returning, readOnly } = scope
  const how = weighted<Failure>(random, [
    [2, 'throw'],
    [readOnly ? 0 : 1, 'syntax'],
    [readOnly ? 0 : 3, 'duplicate'],
    [readOnly ? 0 : 2, 'affected'],
    [2, 'one'],
    [readOnly ? 0 : 1, 'signal'],
    [2, 'unknown table'],
    [returning && !readOnly ? 1 : 0, 'returning'],
  ])
  return { do: 'fail', how, step: marks.take() }
}

function leaf(scope: Scope, marks: Marks): Leaf {
  const { random, calm, readOnly } = scope
  const id = random.integer(1, ACCOUNTS)
  const once = { style: style(random) }
  const make = weighted<() => Leaf>(random, [
    [readOnly ? 2 : 8, () => mark(scope, marks)],
    [3, () => ({ do: 'read', id, ...once })],
    [1, () => ({ do: 'find', id: id + 1, ...once })],
    [readOnly ? 0 : 2, () => ({ do: pick(random, ['lock', 'share']), id, ...once })],
    [2, () => ({ do: pick(random, ['sum', 'raw sum', 'list', 'call read']) })],
    [2, () => ({ do: 'own' })],
    [readOnly ? 0 : 1, () => ({ do: 'set' })],
    [readOnly ? 0 : 2, () => note(random)],
    [1, () => failure(scope, marks)],
    [readOnly ? 0 : 1, () => ({ do: 'call', procedure: 'harmless', slot: 1, step: 0 })],
    [calm ? 0 : 1, () => ({ do: 'sleep', ms: random.integer(1, 8) })],
    [calm || readOnly ? 0 : 1, () => call(random, marks)],
    [calm ? 0 : 1, () => ({ do: 'user lock' })],
    [calm ? 0 : 1, () => ({ do: 'session' })],
    [calm ? 0 : 1, () => ({ do: 'control', text: pick(random, CONTROL) })],
  ])
  return make()
}

const CONTROL = [
  '--\ncommit',
  '/* a */ commit',
  '/**/begin',
  '#\nstart transaction',
  "execute immediate 'commit'",
] as const

function call(random: Random, marks: Marks): Leaf {
  const procedure = weighted(random, [
    [5, 'swallowing'],
    [1, 'failing'],
    [1, 'committing'],
    [1, 'recommitting'],
  ] as const)
  return { do: 'call', procedure, slot: random.integer(1, SLOTS - 1), step: marks.take() }
}

function note(random: Random): Leaf {
  const how = pick(random, ['insert', 'upsert', 'patch', 'delete', 'find'])
  return { do: 'note', how, id: random.integer(1, NOTES + 2) }
}

/** Few enough that texts come again, and many enough that there is always one that comes for the second time. */
function style(random: Random): number {
  return random.integer(1, 40)
}
