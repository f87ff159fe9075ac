/** What a query will send and come to, found out without sending it. */
import { type Attempt, survivable } from '../query/attempt.ts'
import { LeaseholdError } from '../errors/errors.ts'
import type { AttemptRequest, Request } from './request-queue.ts'
import { Interpreter } from './interpreter.ts'
import { type Hook, type Queryable, type ResultOf, toQuery } from '../query/query.ts'
import { type Answers, placed, replier, resultOf } from './scripted-answers.ts'
import { plainRowsOf } from '../statement/statement-result.ts'
import { ASSUMED_SERVER } from '../statement/server-facts.ts'
import type { StatementKind } from '../statement/statement.ts'

export interface DescribedStatement {
  readonly label: string | undefined
  readonly kind: StatementKind
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Names of the tables that it mentions. */
  readonly tables: readonly string[]
}

export interface Description<T> {
  /** What travels together, in order; BEGIN, COMMIT and savepoints are not among it. */
  readonly flights: readonly (readonly DescribedStatement[])[]
  /** What the query comes to. `waiting`: an answer is missing for those labels (or SQL) of the last flight. */
  readonly outcome:
    | { readonly type: 'success'; readonly value: T }
    | { readonly type: 'failure'; readonly error: unknown }
    | { readonly type: 'waiting'; readonly for: readonly string[] }
  /** Those that would be called at this end: after COMMIT when it succeeds, after ROLLBACK when it fails. */
  readonly hooks: readonly Hook[]
}

/**
 * Walks a query as a unit would, with `answers` in the place of the server's, as far as they go: without any, to its first
 * flight. Rows are taken as the query's type has them; the plugins of the builder are not applied to them.
 *
 * Throws a `UsageError` for an answer that its statement can't have.
 *
 * @example
 * ```ts
 * const answers = { 'accounts.byId': { id: 1, name: 'Ann', cents: 5 } }
 * const { flights, outcome } = describeQuery(accounts.byId(1), answers)
 * console.log(flights.length) // 1
 * console.log(outcome) // { type: 'success', value: { id: 1, name: 'Ann', cents: 5 } }
 * ```
 */
export function describeQuery<const Q extends Queryable>(
  query: Q,
  answers: Answers = {},
): Description<ResultOf<Q>> {
  const { flights, ...end } = walked(query, answers)
  return { flights: flights.map((flight) => flight.map(described)), ...end } as Description<ResultOf<Q>>
}

/** The statements that a description lists. */
export function statementsOf(query: Queryable, answers: Answers): readonly Request[] {
  return walked(query, answers).flights.flat()
}

interface Walked extends Omit<Description<unknown>, 'flights'> {
  readonly flights: readonly (readonly Request[])[]
}

function walked(query: Queryable, answers: Answers): Walked {
  const evaluation = new Interpreter()
  const walk: Walk = { flights: [], reply: replier(answers), missing: [], cause: undefined }
  let outcome: Walked['outcome'] | undefined
  evaluation.start(
    toQuery(query),
    (value) => (outcome = { type: 'success', value }),
    (error) => (outcome = { type: 'failure', error }),
  )
  advance(evaluation, walk)
  const { type } = (outcome ??= { type: 'waiting', for: [...new Set(walk.missing)] })
  const { commit, rollback } = evaluation.hooks
  const hooks = { success: commit, failure: rollback, waiting: [] }[type]
  return { flights: walk.flights, outcome, hooks }
}

interface Walk {
  readonly flights: (readonly Request[])[]
  readonly reply: ReturnType<typeof replier>
  /** What has no answer. */
  missing: readonly string[]
  /** The failure of a statement, before a program put another in its place. */
  cause: LeaseholdError | undefined
}

function advance(evaluation: Interpreter, walk: Walk): void {
  while (evaluation.waiting && walk.missing.length === 0) {
    while (evaluation.undecided !== undefined) evaluation.tellServer(ASSUMED_SERVER)
    const attempt = evaluation.takeAttempt()
    if (attempt === undefined) fly(evaluation, evaluation.take(), walk)
    else attempted(evaluation, attempt, walk)
  }
}

function fly(evaluation: Interpreter, requests: readonly Request[], walk: Walk): void {
  if (requests.length === 0) return
  walk.flights.push(requests)
  const replies = requests.map(({ plan, label }) => ({
    name: label ?? plan.statement.sql,
    reply: walk.reply(label ?? plan.statement.sql, plan.statement),
  }))
  walk.missing = replies.filter(({ reply }) => reply === undefined).map(({ name }) => name)
  for (const [index, request] of requests.entries()) {
    const { name = '', reply } = replies[index] ?? {}
    if (reply === undefined || evaluation.failure !== undefined) return
    const { statement } = request.plan
    const result = resultOf(reply, { name, statement })
    if (result instanceof LeaseholdError) {
      walk.cause = placed(result, { sql: statement.sql, label: request.label, index })
      evaluation.fail(walk.cause, request)
      return
    }
    evaluation.resume(request, result, plainRowsOf(statement, result))
  }
}

function attempted(outer: Interpreter, request: AttemptRequest, walk: Walk): void {
  const inner = outer.inner()
  let outcome: Attempt<unknown> | undefined
  inner.start(
    request.source,
    (value) => (outcome = { ok: true, value }),
    (error) => (outcome = { ok: false, error }),
    request.label,
  )
  advance(inner, walk)
  if (outcome === undefined) return
  if (!outcome.ok && walk.cause !== undefined && !survivable(walk.cause)) {
    outer.fail(outcome.error, request)
    return
  }
  outer.absorb(inner, outcome.ok)
  walk.cause = undefined
  outer.resumeAttempt(request, outcome)
}

function described({ plan: { statement }, label }: Request): DescribedStatement {
  const { kind, sql, parameters, tables } = statement
  return { label, kind, sql, parameters, tables }
}
