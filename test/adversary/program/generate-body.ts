/** Random bodies. */
import type { Random } from '../../../examples/order-desk/generate/random.ts'
import { pick, times, weighted } from '../choice.ts'
import { ACCOUNTS } from '../stage/schema.ts'
import { type Marks, move, type Scope, step } from './generate.ts'
import type { BodyStep, Step } from './step.ts'

export function bodySteps(scope: Scope, marks: Marks): BodyStep[] {
  const { random } = scope
  const one = (): BodyStep =>
    weighted<() => BodyStep>(random, [
      [6, () => step(scope, marks, 1)],
      [2, () => ({ do: 'tasks', tasks: tasks(scope, marks) })],
      [scope.calm ? 0 : 1, () => ({ do: 'pause', ms: random.integer(1, 5) })],
    ])()
  return times(random.integer(1, 4), one)
}

/** Of leaves and moves: what the others do in a flight does not depend on who comes first. */
function tasks({ random, ...scope }: Scope, marks: Marks): Step[][] {
  const part = (): Step => (scope.readOnly ? { do: 'sum' } : move(random, marks))
  return times(random.integer(1, 3), () => times(random.integer(1, 3), part))
}

/** A lock, attempts, and whether the lock is still there. */
export function lockSteps(random: Random, marks: Marks, serializable: boolean): BodyStep[] {
  const id = random.integer(1, ACCOUNTS)
  const style = random.integer(1, 40)
  const attempt: BodyStep = {
    do: 'attempt',
    part: random.chance(50)
      ? { do: 'fail', how: pick(random, ['one', 'unknown table', 'affected']), step: marks.take() }
      : { do: 'read', id: (id % ACCOUNTS) + 1, style },
  }
  return [
    ...(serializable && random.chance(50) ? [attempt] : []),
    serializable
      ? { do: 'read', id, style }
      : random.chance(70)
        ? { do: 'stream lock', id }
        : { do: 'lock', id, style },
    ...times(random.integer(0, 2), (): BodyStep => attempt),
    { do: 'holds', id },
    ...(random.chance(50) ? [move(random, marks)] : []),
  ]
}
