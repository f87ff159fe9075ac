/** Branches of the interpreter: fibers with a stack each, which join, end and fail. */
import { type Plan, type Query, type Queryable, toQuery } from '../query/query.ts'

/** A fiber: one for each started query, each branch of an `all` or `each`, and each fetch of a loader. */
export interface Branch {
  readonly frames: StackFrame[]
  readonly end: RootEnd | JoinEnd | FetchEnd
  label: string | undefined
}

/** An operation that is pending on the value of the query below it. */
type StackFrame =
  | Pick<Extract<Plan, { type: 'map' }>, 'type' | 'transform'>
  | Pick<Extract<Plan, { type: 'then' }>, 'type' | 'next'>
  | Extract<Plan, { type: 'with' }>
  | { readonly type: 'iterator'; readonly iterator: Iterator<Queryable, unknown, unknown> }
  | { readonly type: 'label'; readonly outer: string | undefined }

/** End of a started query. */
export interface RootEnd {
  readonly type: 'root'
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** End of a branch of an `all` or `each`. */
interface JoinEnd {
  readonly type: 'join'
  readonly parent: Branch
  readonly index: number
  readonly join: Join
}

/** Collects the values of the branches of one `all` or `each`. */
interface Join {
  /** Branches without a value yet. */
  missing: number
  readonly values: unknown[]
  readonly collect: (values: unknown[]) => unknown
}

/** End of a fetch, whose rows go to all branches that wait for one of its keys. */
interface FetchEnd {
  readonly type: 'fetch'
  readonly waiters: () => readonly Branch[]
  /** Returns the next steps of the waiters, in reverse order. */
  readonly deliver: (rows: unknown) => Step[]
}

/** A step of a runnable branch: down into a query, up with a value, or on to the next items of its `each`. */
export type Step =
  | { readonly branch: Branch; readonly down: Query<unknown> }
  | { readonly branch: Branch; readonly down?: never; readonly up: unknown }
  | ItemsStep

/** A step that begins branches for the remaining items of an `each`. */
export interface ItemsStep {
  readonly branch: Branch
  readonly down?: never
  readonly items: Extract<Plan, { type: 'each' }>
  readonly join: Join
  next: number
}

/** Pushes the branches of an `all` in reverse order, since steps are popped from the end. */
export function fork(parent: Branch, plan: Extract<Plan, { type: 'all' }>, steps: Step[]): void {
  const join = {
    missing: plan.branches.length,
    values: plan.branches.map(() => undefined),
    collect: plan.collect,
  }
  const begun = plan.branches.map((source, index): Step => ({
    branch: { frames: [], label: parent.label, end: { type: 'join', parent, index, join } },
    down: toQuery(source),
  }))
  for (const step of begun.toReversed()) steps.push(step)
}

/** The step that begins the branches of an `each`, as far as the queue has room. */
export function itemsStep(branch: Branch, items: ItemsStep['items']): ItemsStep {
  const { length } = items.items
  const join = { missing: length, values: Array.from({ length }), collect: (values: unknown[]) => values }
  return { branch, items, join, next: 0 }
}

/** Begins the branch of the next item, and pushes `step` again for the others. */
export function beginItem(step: ItemsStep, steps: Step[]): void {
  const { branch: parent, items, join } = step
  const index = step.next
  step.next += 1
  if (step.next < items.items.length) steps.push(step)
  const branch: Branch = {
    // In a frame, so that an error of the caller's function fails this branch only.
    frames: [{ type: 'then', next: (item) => items.make(item, index) }],
    label: parent.label,
    end: { type: 'join', parent, index, join },
  }
  steps.push({ branch, up: items.items[index] })
}

/** Passes the value of a finished branch on to its end. */
export function arrive({ end }: Branch, value: unknown, steps: Step[]): void {
  if (end.type === 'root') {
    end.resolve(value)
    return
  }
  if (end.type === 'fetch') {
    for (const step of end.deliver(value)) steps.push(step)
    return
  }
  const { join } = end
  join.values[end.index] = value
  join.missing -= 1
  if (join.missing === 0) steps.push({ branch: end.parent, up: join.collect(join.values) })
}

/** Throws an error up the stack of a branch. A program may replace it; returns the error that arrives at the end. */
export function throwInto(branch: Branch, error: unknown): unknown {
  let thrown = error
  for (const frame of unwound(branch)) {
    if (frame.type !== 'iterator') continue
    try {
      // A program can translate a failure, but not recover from it: a value that it returns is dropped.
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
  const [first] = end.waiters().map((waiter) => throwInto(waiter, thrown))
  return first
}

/** Cancels a waiting branch. Its programs run their `finally` blocks. */
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
  else for (const waiter of end.waiters()) abandon(waiter, error)
}

/** Pops the frames, from the innermost of the branch to the outermost of its root. */
function* unwound(branch: Branch): Generator<StackFrame> {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    for (let frame = current.frames.pop(); frame !== undefined; frame = current.frames.pop()) yield frame
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
}

function endOf(branch: Branch): RootEnd | FetchEnd {
  let { end } = branch
  while (end.type === 'join') end = end.parent.end
  return end
}

/** Whether no further step can follow the branch. `computing` permits pure computations (`map`) on its value. */
export function onlyEnds(branch: Branch, computing: boolean): boolean {
  for (let current: Branch | undefined = branch; current !== undefined;) {
    if (!current.frames.every(({ type }) => type === 'label' || (computing && type === 'map'))) return false
    if (current.end.type === 'fetch') {
      return computing && current.end.waiters().every((waiter) => onlyEnds(waiter, computing))
    }
    current = current.end.type === 'join' ? current.end.parent : undefined
  }
  return true
}
