/**
 * Units of work. The word means identity map and change tracking elsewhere; here it means that a query or a body
 * runs on one lease in one transaction, and that the connection comes back whatever happens.
 */
import type { DeadlineOptions } from './deadline.ts'
import type { Driver, DriverStats, TransactionOptions } from '../driver.ts'
import type { LeaseholdError } from '../errors/errors.ts'
import type { ExplainedStatement } from '../transaction/explain.ts'
import type { Executor } from '../executor/executor.ts'
import type { HookErrorHandler } from './run-hooks.ts'
import type { RowIn } from '../query/relation-types.ts'
import type { Queryable, ResultOf, RowsQueryable } from '../query/query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import type { RetryOptions } from './retry.ts'
import type { RowStream } from '../executor/row-stream.ts'
import type { Body } from './job.ts'

export interface ReadOptions extends Omit<TransactionOptions, 'accessMode'>, DeadlineOptions {
  /** Name of the unit in events and errors: the query's own unless given, or that of the body's function. */
  readonly label?: string | undefined
  /**
   * Whether the unit is run again, as a whole, when the server rolled it back for a deadlock or a conflict or the
   * connection was lost before COMMIT. On for a query, of which nothing can have happened outside of the database; off
   * for a body unless asked, since it may have sent a mail. Where raw SQL that may commit by itself, such as a CALL, failed
   * with it or was under way when the connection was lost, none of these is a reason unless asked.
   */
  readonly retry?: boolean | RetryOptions | undefined
}

/** Rows that were taken can't be taken back, so a stream is not run again. */
export type StreamOptions = Omit<ReadOptions, 'retry'>

export interface RunOptions extends ReadOptions, TransactionOptions {
  /**
   * A name for what is to happen once, written in the unit's transaction: it lets an unknown outcome be settled, so that
   * the unit can be run again without happening twice. A key that was committed before is an `AlreadyCommittedError`.
   * Keys are compared byte by byte; one that is empty, no well-formed text or longer than 1 020 bytes in UTF-8 is a
   * `UsageError`, and so is a table for keys that is missing or of an earlier definition.
   */
  readonly outcomeKey?: string | undefined
  /**
   * Milliseconds that the answer to COMMIT is waited for, whatever the unit's deadline: 30 000 unless given. They count from
   * the answers to all that came before it; then the connection is given up and the outcome is unknown. Until then a
   * deadline stops the unit, also where COMMIT travels along with a write, and from then on it does not.
   */
  readonly commitTimeout?: number | undefined
}

export interface UnitOfWorkOptions {
  readonly driver: Driver
  /** Milliseconds after which a lease that is still held is reported by a process warning that tells where `run` was called. */
  readonly leakAfter?: number | undefined
  /**
   * Whether queries that a unit made and never ran are reported by a process warning that tells where they were made: for
   * a forgotten `yield*` or `q`. Unless given, they are if NODE_ENV is not `production`.
   */
  readonly warnUnused?: boolean | undefined
  /** Told what `afterCommit` and `afterRollback` hooks throw; a process warning unless given. */
  readonly onHookError?: HookErrorHandler | undefined
}

export interface UnitOfWork {
  /**
   * Runs a query, or a body that runs queries, in one transaction, commits it and gives the result. A failure rolls
   * everything back and comes out: the body's own error as the same object, else the first failure.
   *
   * Rejects with an `AcquireError` (nothing ran), a `StatementError`, a `ResultError`, a `DeadlineError`, a
   * `ConnectionLostError` (nothing of it is in the database), a `CommitUnknownError`, an `ImplicitCommitError`, a
   * `UsageError`, or with what the caller's own code threw.
   *
   * @example
   * ```ts
   * await uow.run(accounts.insert({ name: 'Eve', cents: 0 })) // 3
   * const left = await uow.run(async (q) => {
   *   const { cents } = await q(accounts.byId(1))
   *   await q(accounts.patch(1, { cents: cents - 300 }))
   *   return cents - 300
   * }) // 700
   * ```
   */
  run<T>(body: Body<T>, options?: RunOptions): Promise<T>
  run<const Q extends Queryable>(query: Q, options?: RunOptions): Promise<ResultOf<Q>>

  /**
   * The same in a read-only transaction, for what only reads. What the types know to write does not compile; locking
   * reads, and raw SQL that is no plain read, are a `UsageError` before they are sent; the server refuses the rest.
   * It is over with the last answer: that its transaction ends is not waited for.
   *
   * @example
   * ```ts
   * const { ann, howMany } = await uow.read(all({ ann: accounts.byId(1), howMany: accounts.count() }))
   * console.log(ann) // { id: 1, name: 'Ann', cents: 1000 }
   * console.log(howMany) // 2
   * ```
   */
  read<T>(body: Body<T, 'read'>, options?: ReadOptions): Promise<T>
  read<const Q extends Queryable<'read'>>(query: Q, options?: ReadOptions): Promise<ResultOf<Q>>

  /**
   * The rows of one statement as they come, in a read-only transaction on a connection of their own, which is leased when
   * the loop begins and free when it ends. `timeout` and `signal` count for the whole loop; it throws what `read` rejects
   * with.
   *
   * @example
   * ```ts
   * const names = db.selectFrom('accounts').select('name').orderBy('id')
   * for await (const { name } of uow.stream(names, { timeout: 60_000 })) {
   *   console.log(name)
   * }
   * ```
   *
   * @throws {UsageError} in the loop, when the query is not the rows of one statement that reads.
   */
  stream<const Q extends RowsQueryable<'read'>>(
    query: Q,
    options?: StreamOptions,
  ): RowStream<RowIn<ResultOf<Q>>>

  /**
   * How the server runs each statement of a query, in the order in which they are sent. The statements really run, since
   * later ones may depend on their results, in a unit that is rolled back at its end; no hook is called. Rejects as `run`
   * does.
   *
   * @example
   * ```ts
   * const [{ sql, plan } = { sql: '', plan: [] }] = await uow.explain(accounts.byId(1))
   * console.log(sql) // select * from `accounts` where `id` = ?
   * console.log(plan.map(({ key }) => key)) // [ 'PRIMARY' ]
   * ```
   */
  explain(query: Queryable, options?: ReadOptions): Promise<readonly ExplainedStatement[]>

  /**
   * Has the server look at the statements of a query without running them, as far as `answers` lead (see `describeQuery`):
   * whether it knows the tables and columns, and what else it checks when it prepares a statement. Gives an error for each
   * that it could not run. Rejects as `run` does when nothing can be checked, with an `AcquireError` for instance.
   *
   * @example
   * ```ts
   * import { sql } from 'kysely'
   * const typo = db.selectFrom('accounts').select(sql<number>`balance`.as('balance'))
   * const [checked] = await uow.check(typo)
   * console.log(checked?.error?.name) // StatementError
   * ```
   *
   * @throws {UsageError} when an answer does not fit its statement.
   */
  check(query: Queryable, answers?: Answers, options?: ReadOptions): Promise<readonly CheckedStatement[]>

  /**
   * Runs a body in a transaction that is rolled back whatever happens, and gives its result: for tests. Besides `q` it
   * receives a unit of work that stays inside, for code that runs units by itself: they come one after the other, each
   * behind a savepoint, to which one that fails or is stopped is rolled back; their hooks are called as ever. Their connection is the
   * sandbox's, and so are the options of their transaction; none is run again. Rejects as `run` does.
   *
   * @example
   * ```ts
   * const cents = await uow.sandbox(async (q, sandboxed) => {
   *   await sandboxed.run(accounts.patch(1, { cents: 0 }))
   *   return (await q(accounts.byId(1))).cents
   * }) // 0
   * console.log((await uow.read(accounts.byId(1))).cents) // 1000
   * ```
   */
  sandbox<T>(body: SandboxBody<T>, options?: ReadOptions): Promise<T>

  /**
   * Whether a unit with this `outcomeKey` was committed. Rejects with a `StatementError` (lock timeout) while the server
   * itself does not know yet.
   *
   * @example
   * ```ts
   * await uow.run(accounts.patch(1, { cents: 500 }), { outcomeKey: 'invoice 7' })
   * await uow.outcome('invoice 7') // true
   * await uow.outcome('invoice 8') // false
   * ```
   */
  outcome(key: string): Promise<boolean>

  /**
   * What the connections are doing.
   *
   * @example
   * ```ts
   * const { open, leased, waiting } = uow.stats()
   * console.log({ open, leased, waiting }) // { open: 0, leased: 0, waiting: 0 }
   * ```
   */
  stats(): DriverStats

  /**
   * Gives out no more connections, waits for those that units have as long as the driver allows (`pool.closeTimeout`), and
   * closes all. A unit that waits for one or comes to need one, a body that has sent nothing yet too, fails with an
   * `AcquireError`; one that needs none runs.
   *
   * @example
   * ```ts
   * await uow.close()
   * await uow.run(accounts.count()) // throws AcquireError
   * ```
   */
  close(): Promise<void>
}

/** What the server thinks of a statement. */
export interface CheckedStatement {
  readonly label: string | undefined
  readonly sql: string
  /** Absent if it could be run. */
  readonly error: LeaseholdError | undefined
}

/** `sandboxed` is the unit of work to be used inside; its `close` does nothing. */
export type SandboxBody<T> = (q: Executor, sandboxed: UnitOfWork) => Promise<T>
