/** The work of one unit. */
import type { Executor } from '../executor/executor.ts'
import type { Scheduler } from '../executor/scheduler.ts'
import { type Access, planOf, Query, type Queryable } from '../query/query.ts'

/** Plain async code that runs queries of one unit with `q`. */
export type Body<T, A extends Access = Access> = (q: Executor<A>) => Promise<T>

/** A query or a body, as `run` takes it. */
export type Work = Queryable | Body<unknown>

/** A body of Leasehold's own, with the scheduler that runs its queries. */
export type InnerBody = (q: Executor, scheduler: Scheduler) => Promise<unknown>

/** The work of a unit, and the unit's name unless its options have one. */
export type Job = { readonly label: string | undefined } & (
  | { readonly type: 'query'; readonly query: Queryable }
  | { readonly type: 'body'; readonly body: Body<unknown> }
  | { readonly type: 'inner'; readonly body: InnerBody }
)

export function jobOf(work: Work): Job {
  return typeof work === 'function'
    ? { type: 'body', body: work, label: nameOfBody(work) }
    : { type: 'query', query: work, label: labelOf(work) }
}

export function innerJob(body: InnerBody, label: string | undefined): Job {
  return { type: 'inner', body, label }
}

export function nameOfBody({ name }: { readonly name: string }): string | undefined {
  return name === '' ? undefined : name
}

/** The label of the query that gives the result. */
export function labelOf(query: Queryable): string | undefined {
  // A query that is handed to a unit counts as used, even if the unit refuses it.
  let plan = query instanceof Query ? planOf(query) : undefined
  while (plan?.type === 'map' || plan?.type === 'then') plan = plan.source['~plan']
  return plan?.type === 'label' ? plan.label : undefined
}
