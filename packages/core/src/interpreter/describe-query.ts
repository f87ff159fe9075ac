/** Describes a query without a server: its flights and its result. */
import { type Attempt, survivable } from '../query/attempt.ts'
import { LeaseholdError } from '../errors/errors.ts'
import type { AttemptRequest, Request } from './request-queue.ts'
import { Interpreter } from './interpreter.ts'
import { type Hook, type Queryable, type ResultOf, toQuery } from '../query/query.ts'
import { type Answers, resultOfReply, scriptedReplies, withLocation } from './scripted-answers.ts'
import { plainRowsOf } from '../statement/statement-result.ts'
import { ASSUMED_SERVER } from '../statement/server-facts.ts'
import type { StatementKind } from '../statement/statement.ts'

export interface DescribedStatement {
  readonly label: string | undefined
  readonly kind: StatementKind
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Names of the mentioned tables. */
  readonly tables: readonly string[]
}

export interface Description<T> {
  /** Statements that travel together, in order, without BEGIN, COMMIT and savepoints. */
  readonly flights: readonly (readonly DescribedStatement[])[]
  /** Result of the query. `waiting`: `answers` has none for these labels (or SQL) of the last flight. */
  readonly outcome:
    | { readonly type: 'success'; readonly value: T }
    | { readonly type: 'failure'; readonly error: unknown }
    | { readonly type: 'waiting'; readonly for: readonly string[] }
  /** Hooks that this outcome would call: after COMMIT on success, after ROLLBACK on failure. */
  readonly hooks: readonly Hook[]
}

/**
 * Runs a query on scripted answers, without a server. It ends with the first flight that `answers` does not cover; without
 * any answers, that is the first one. Rows must have the type of the query, since the builder's plugins are not applied.
 *
 * Throws a `UsageError` when an answer does not fit its statement.
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

/** The statements of a description, in order. */
export function statementsOf(query: Queryable, answers: Answers): readonly Request[] {
  return walked(query, answers).flights.flat()
}

interface Walked extends Omit<Description<unknown>, 'flights'> {
  readonly flights: readonly (readonly Request[])[]
}

function walked(query: Queryable, answers: Answers): Walked {
  const interpreter = new Interpreter()
  const walk: Walk = { flights: [], reply: scriptedReplies(answers), missing: [], cause: undefined }
  let outcome: Walked['outcome'] | undefined
  interpreter.start(
    toQuery(query),
    (value) => (outcome = { type: 'success', value }),
    (error) => (outcome = { type: 'failure', error }),
  )
  advance(interpreter, walk)
  const { type } = (outcome ??= { type: 'waiting', for: [...new Set(walk.missing)] })
  const { commit, rollback } = interpreter.hooks
  const hooks = { success: commit, failure: rollback, waiting: [] }[type]
  return { flights: walk.flights, outcome, hooks }
}

interface Walk {
  readonly flights: (readonly Request[])[]
  readonly reply: ReturnType<typeof scriptedReplies>
  /** Statements of the last flight without an answer. */
  missing: readonly string[]
  /** The failure of a statement, before a program replaced it. */
  cause: LeaseholdError | undefined
}

function advance(interpreter: Interpreter, walk: Walk): void {
  while (interpreter.waiting && walk.missing.length === 0) {
    while (interpreter.undecided !== undefined) interpreter.tellServer(ASSUMED_SERVER)
    const attempt = interpreter.takeAttempt()
    if (attempt === undefined) sendFlight(interpreter, interpreter.take(), walk)
    else runAttempt(interpreter, attempt, walk)
  }
}

function sendFlight(interpreter: Interpreter, requests: readonly Request[], walk: Walk): void {
  if (requests.length === 0) return
  walk.flights.push(requests)
  const replies = requests.map(({ plan, label }) => ({
    name: label ?? plan.statement.sql,
    reply: walk.reply(label ?? plan.statement.sql, plan.statement),
  }))
  walk.missing = replies.filter(({ reply }) => reply === undefined).map(({ name }) => name)
  for (const [index, request] of requests.entries()) {
    const { name = '', reply } = replies[index] ?? {}
    if (reply === undefined || interpreter.failure !== undefined) return
    const { statement } = request.plan
    const result = resultOfReply(reply, { name, statement })
    if (result instanceof LeaseholdError) {
      walk.cause = withLocation(result, { sql: statement.sql, label: request.label, index })
      interpreter.fail(walk.cause, request)
      return
    }
    interpreter.resume(request, result, plainRowsOf(statement, result))
  }
}

function runAttempt(outer: Interpreter, request: AttemptRequest, walk: Walk): void {
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
