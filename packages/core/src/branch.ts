/** The branches that the interpreter walks: their stacks, where they meet, and how they end. */
import { type Plan, type Query, type Queryable, toQuery } from './query.ts'

/** One line of evaluation: that of a query that was started, or of one of the branches of an `all`. */
export interface Branch {
  readonly frames: Frame[]
  readonly end: Root | Join
  label: string | undefined
}

/** What is to be done with a value on its way up. */
type Frame =
  | Extract<Plan, { type: 'map' | 'then' }>
  | { readonly type: 'iterator'; readonly iterator: Iterator<Queryable, unknown, unknown> }
  | { readonly type: 'label'; readonly outer: string | undefined }

/** Where the value of a query that was started goes. */
export interface Root {
  readonly type: 'root'
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Where the values of the branches of an `all` meet. */
interface Join {
  readonly type: 'join'
  readonly parent: Branch
  readonly index: number
  readonly meeting: {
    missing: number
    readonly values: unknown[]
    readonly collect: (values: unknown[]) => unknown
  }
}

/** A branch that can go on: down into a query, or up with a value. */
export type Turn =
  | { readonly branch: Branch; readonly down: Query<unknown> }
  | { readonly branch: Branch; readonly down?: never; readonly up: unknown }

/** The branches of an `all`, last first, so that taking turns from the end keeps their order. */
export function fork(parent: Branch, plan: Extract<Plan, { type: 'all' }>): Turn[] {
  const meeting = {
    missing: plan.branches.length,
    values: plan.branches.map(() => undefined),
    collect: plan.collect,
  }
  return plan.branches
    .map((source, index) => ({
      branch: {
        frames: [],
        label: parent.label,
        end: { type: 'join', parent, index, meeting },
      } satisfies Branch,
      down: toQuery(source),
    }))
    .toReversed()
}

/** Gives a branch's value to where it is waited for. */
export function arrive({ end }: Branch, value: unknown, turns: Turn[]): void {
  if (end.type === 'root') {
    end.resolve(value)
    return
  }
  const { meeting } = end
  meeting.values[end.index] = value
  meeting.missing -= 1
  if (meeting.missing === 0) turns.push({ branch: end.parent, up: meeting.collect(meeting.values) })
}

/** Throws the error through everything above the branch, where a program may put another in its place. */
export function throwInto(branch: Branch, error: unknown): unknown {
  let thrown = error
  for (const frame of unwound(branch)) {
    if (frame.type !== 'iterator') continue
    try {
      // Whatever a program makes of a failure but another one, it can't undo it.
      if (frame.iterator.throw?.(thrown).done !== true) frame.iterator.return?.()
    } catch (translated) {
      thrown = translated
    }
  }
  rootOf(branch).reject(thrown)
  return thrown
}

/** Ends a branch that waits in vain: its programs run their `finally` blocks. */
export function abandon(branch: Branch, error: unknown): void {
  for (const frame of unwound(branch)) {
    if (frame.type !== 'iterator') continue
    try {
      frame.iterator.return?.()
    } catch {
      // The failure that ended the branch is the one to report.
    }
  }
  rootOf(branch).reject(error)
}

/** Takes the frames off, from the innermost of the branch to the outermost of its root. */
function* unwound(branch: Branch): Generator<Frame> {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    for (let frame = current.frames.pop(); frame !== undefined; frame = current.frames.pop()) yield frame
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
}

function rootOf(branch: Branch): Root {
  let { end } = branch
  while (end.type === 'join') end = end.parent.end
  return end
}

/** Whether nothing but ends is above the branch, or computations, too, if `computing` is allowed for. */
export function onlyEnds(branch: Branch, computing: boolean): boolean {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    if (!current.frames.every(({ type }) => type === 'label' || (computing && type === 'map'))) return false
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
  return true
}
