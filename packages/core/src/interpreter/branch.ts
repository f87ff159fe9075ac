/** The branches that the interpreter walks: their stacks, where they meet, and how they end. */
import { type Plan, type Query, type Queryable, toQuery } from '../query/query.ts'

/** One line of evaluation: that of a query that was started, of a branch of an `all` or `each`, or of a loader's fetch. */
export interface Branch {
  readonly frames: Frame[]
  readonly end: Root | Join | Fetch
  label: string | undefined
}

/** What is to be done with a value on its way up. */
type Frame =
  | Pick<Extract<Plan, { type: 'map' }>, 'type' | 'transform'>
  | Pick<Extract<Plan, { type: 'then' }>, 'type' | 'next'>
  | Extract<Plan, { type: 'with' }>
  | { readonly type: 'iterator'; readonly iterator: Iterator<Queryable, unknown, unknown> }
  | { readonly type: 'label'; readonly outer: string | undefined }

/** Where the value of a query that was started goes. */
export interface Root {
  readonly type: 'root'
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Where the values of the branches of an `all` or `each` meet. */
interface Join {
  readonly type: 'join'
  readonly parent: Branch
  readonly index: number
  readonly meeting: Meeting
}

interface Meeting {
  missing: number
  readonly values: unknown[]
  readonly collect: (values: unknown[]) => unknown
}

/** Where the rows go that were fetched for several branches. */
interface Fetch {
  readonly type: 'fetch'
  readonly askers: () => readonly Branch[]
  /** Gives the turns of the askers, last first. */
  readonly deliver: (rows: unknown) => Turn[]
}

/** A branch that can go on: down into a query, up with a value, or sideways with the next items of its `each`. */
export type Turn =
  | { readonly branch: Branch; readonly down: Query<unknown> }
  | { readonly branch: Branch; readonly down?: never; readonly up: unknown }
  | ItemsTurn

/** The items of an `each` that have no branch yet. */
export interface ItemsTurn {
  readonly branch: Branch
  readonly down?: never
  readonly items: Extract<Plan, { type: 'each' }>
  readonly meeting: Meeting
  next: number
}

/** Adds the branches of an `all` to `turns`, last first, so that taking turns from the end keeps their order. */
export function fork(parent: Branch, plan: Extract<Plan, { type: 'all' }>, turns: Turn[]): void {
  const meeting = {
    missing: plan.branches.length,
    values: plan.branches.map(() => undefined),
    collect: plan.collect,
  }
  const begun = plan.branches.map((source, index): Turn => ({
    branch: { frames: [], label: parent.label, end: { type: 'join', parent, index, meeting } },
    down: toQuery(source),
  }))
  for (const turn of begun.toReversed()) turns.push(turn)
}

/** The turn in which the branches of an `each` are begun, as there is room for them. */
export function itemsTurn(branch: Branch, items: ItemsTurn['items']): ItemsTurn {
  const { length } = items.items
  const meeting = { missing: length, values: Array.from({ length }), collect: (values: unknown[]) => values }
  return { branch, items, meeting, next: 0 }
}

/** Begins the branch of the next item, and stays in `turns` for the others. */
export function beginItem(turn: ItemsTurn, turns: Turn[]): void {
  const { branch: parent, items, meeting } = turn
  const index = turn.next
  turn.next += 1
  if (turn.next < items.items.length) turns.push(turn)
  const branch: Branch = {
    // Where the caller's function throws, it is this branch that fails.
    frames: [{ type: 'then', next: (item) => items.make(item, index) }],
    label: parent.label,
    end: { type: 'join', parent, index, meeting },
  }
  turns.push({ branch, up: items.items[index] })
}

/** Gives a branch's value to where it is waited for. */
export function arrive({ end }: Branch, value: unknown, turns: Turn[]): void {
  if (end.type === 'root') {
    end.resolve(value)
    return
  }
  if (end.type === 'fetch') {
    for (const turn of end.deliver(value)) turns.push(turn)
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
  const end = endOf(branch)
  if (end.type === 'root') {
    end.reject(thrown)
    return thrown
  }
  const [first] = end.askers().map((asker) => throwInto(asker, thrown))
  return first
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
  const end = endOf(branch)
  if (end.type === 'root') end.reject(error)
  else for (const asker of end.askers()) abandon(asker, error)
}

/** Takes the frames off, from the innermost of the branch to the outermost of its root. */
function* unwound(branch: Branch): Generator<Frame> {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    for (let frame = current.frames.pop(); frame !== undefined; frame = current.frames.pop()) yield frame
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
}

function endOf(branch: Branch): Root | Fetch {
  let { end } = branch
  while (end.type === 'join') end = end.parent.end
  return end
}

/** Whether nothing but ends is above the branch, or computations, too, if `computing` is allowed for. */
export function onlyEnds(branch: Branch, computing: boolean): boolean {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    if (!current.frames.every(({ type }) => type === 'label' || (computing && type === 'map'))) return false
    if (current.end.type === 'fetch') {
      return computing && current.end.askers().every((asker) => onlyEnds(asker, computing))
    }
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
  return true
}
