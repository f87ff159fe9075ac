/**
 * Units of work. Elsewhere the term includes an identity map and change tracking. Here it means: a query or a body runs on one
 * lease in one transaction, and the connection always comes back.
 */
import type { DriverStats } from '../driver.ts'
import type { LeaseholdError } from '../errors/errors.ts'
import type { ExplainedStatement } from '../transaction/explain.ts'
import type { Executor } from '../executor/executor.ts'
import type { RowIn } from '../query/relation-types.ts'
import type { Access, Queryable, ResultOf, RowsQueryable } from '../query/query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import type { RowStream } from '../executor/row-stream.ts'
import type { Body } from './job.ts'
import type {
  BeginOptions,
  LeaseOptions,
  LockOptions,
  ReadOptions,
  RunOptions,
  StreamOptions,
  UnitDefaults,
} from './unit-options.ts'

/**
 * A unit that its holder ends. As an {@link Executor}, it runs queries until then. A query that fails ends it: the query
 * rejects once the unit is rolled back. After the end, every query rejects with a `UsageError` that says how and when it ended.
 */
export interface HeldUnit<in A extends Access = Access> extends Executor<A>, AsyncDisposable {
  /**
   * Commits. Rejects as `run` does: with the failure that ended the unit, or that of COMMIT. After `commit` or `rollback`
   * it rejects with a `UsageError`.
   */
  commit(): Promise<void>
  /**
   * Rolls back, unless the unit is rolled back already. Rejects with a `UsageError` after COMMIT, and for nothing else: where
   * ROLLBACK fails, the connection is closed.
   */
  rollback(): Promise<void>
  /** Rolls back, unless the unit has ended. Never rejects, so that it hides no error of the scope. */
  [Symbol.asyncDispose](): Promise<void>
}

/** A named lock that a lease has. */
export interface NamedLock extends AsyncDisposable {
  readonly name: string
  /** Gives the lock back before the end of its lease. Rejects with a `LockError` if the lease no longer had it. */
  release(): Promise<void>
  /** Gives the lock back, unless that was done. Never rejects, so that it hides no error of the scope. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * One connection for several units, which run on it one after the other. Temporary tables, session variables and named locks
 * last from one to the next, and end with the lease. `Native`: the connection of the driver's library.
 */
export interface HeldLease<Native = unknown> extends UnitOfWork<Native>, AsyncDisposable {
  /**
   * Takes a named lock, outside of transactions. It excludes other leases, on all connections to this server, until it is
   * released or the lease ends. Names have 1 to 64 characters; MySQL ignores their case.
   *
   * @example
   * ```ts
   * await using lease = await uow.lease({ label: 'nightly' })
   * await using lock = await lease.lock('nightly-report', { wait: 5_000 })
   * console.log(lock.name) // nightly-report
   * const howMany = await lease.run(accounts.count()) // 2
   * ```
   *
   * Rejects with a {@link LockError} that names the holder when the wait is over, with a `StatementError` (deadlock among
   * locks), and otherwise as `run` does.
   *
   * @throws {UsageError} for an invalid name or wait, or a lock that the lease has already.
   */
  lock(name: string, options?: LockOptions): Promise<NamedLock>

  /**
   * Lends the connection of the driver's library, for what has no other way, such as LOAD DATA LOCAL. Until `use` settles,
   * nothing else runs on the lease; afterwards the connection refuses. It has autocommit on. Rejects with the error of `use`,
   * and with a `UsageError` if `use` left a transaction open, which is then rolled back. The connection is closed at the
   * end of the lease.
   *
   * @example
   * ```ts
   * await using lease = await uow.lease()
   * const [rows] = await lease.native((connection) => connection.query('select 1 as one'))
   * console.log(rows) // [ { one: 1 } ]
   * ```
   */
  native<T>(use: (connection: Native) => Promise<T>): Promise<T>

  /** Ends the lease: refuses further units, waits for those that run, releases its locks. Never rejects. */
  close(): Promise<void>
  /** {@link HeldLease.close}. */
  [Symbol.asyncDispose](): Promise<void>
}

/** `Native`: the connection of the driver's library, for {@link HeldLease.native}. */
export interface UnitOfWork<Native = unknown> {
  /**
   * Runs a query, or a body that runs queries, in one transaction. Commits, and resolves with the result. A failure rolls
   * everything back. The promise rejects with the body's own error, as the same object, or with the first failure.
   *
   * Rejects with an `AcquireError` (nothing ran), a `StatementError`, a `ResultError`, a `DeadlineError`, a
   * `ConnectionLostError` (nothing was committed), a `CommitUnknownError`, an `ImplicitCommitError`, a `UsageError`, or an
   * error of the caller's own code.
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
   * Runs a query, or a body, that only reads, in a read-only transaction. Queries that write do not compile. Locking reads,
   * and raw SQL that is no plain read, are a `UsageError` before they are sent; the server refuses the rest. Resolves with
   * the last answer, without waiting for COMMIT.
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
   * The rows of one statement as they arrive, in a read-only transaction on a connection of its own. The loop leases the
   * connection when it begins, and releases it when it ends. `timeout` and `signal` apply to the whole loop. The loop throws
   * the errors with which `read` rejects.
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
   * The server's plan of each statement of a query, in the order of sending. The statements run, because later ones may
   * depend on their results; the unit is rolled back, and runs no hooks. Rejects as `run` does.
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
   * Lets the server prepare the statements of a query, without running them: it checks names of tables and columns, among
   * others. Checks the statements that `answers` reach (see `describeQuery`). Resolves with each statement, and its error if
   * the server cannot run it. Rejects as `run` does if nothing can be checked, with an `AcquireError` for instance.
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
   * For tests: runs a body in a transaction that is always rolled back, and resolves with its result. Besides `q`, the body
   * receives a unit of work for code that runs units. These units run one after the other, each behind a savepoint to which a
   * failed or stopped one is rolled back. Their hooks run. They use the sandbox's connection and transaction options, and
   * are not retried. Rejects as `run` does.
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
   * Whether a unit with this `outcomeKey` was committed. Waits for a unit that is still running, and rejects with a
   * `StatementError` (lock timeout) if that takes too long.
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
   * The state of the connections, and their numbers so far.
   *
   * @example
   * ```ts
   * const { open, leased, waiting } = uow.stats()
   * console.log({ open, leased, waiting }) // { open: 0, leased: 0, waiting: 0 }
   * ```
   */
  stats(): DriverStats

  /**
   * Begins a unit that the caller holds and ends: for code that cannot be one function. Declare it with `await using`: without
   * {@link HeldUnit.commit}, the end of the scope rolls it back. It takes its connection with its first statement. It is never
   * retried. After `timeout` (default 60 000 ms) it is rolled back; so is one whose handle is garbage-collected, which emits
   * a process warning with the stack of `begin`. Rejects as `run` does.
   *
   * @example
   * ```ts
   * const unit = await uow.begin({ label: 'raise' })
   * const { cents } = await unit(accounts.byId(1))
   * await unit(accounts.patch(1, { cents: cents + 5 }))
   * await unit.commit()
   * console.log((await uow.read(accounts.byId(1))).cents) // 1005
   * ```
   *
   * @throws {UsageError} when an option is unknown or invalid.
   */
  begin(options: BeginOptions & { readonly accessMode: 'read only' }): Promise<HeldUnit<'read'>>
  begin(options?: BeginOptions): Promise<HeldUnit>

  /**
   * Leases one connection for several units: for named locks, temporary tables and session variables. It is a unit of work
   * itself, for services that take one. Declare it with `await using`; a lease that is garbage-collected unclosed is given
   * back with a process warning. Rejects with an `AcquireError`, or a `DeadlineError`.
   *
   * @example
   * ```ts
   * await using lease = await uow.lease({ label: 'report' })
   * await lease.run(db.insertInto('accounts').values({ name: 'Eve', cents: 5 }))
   * const howMany = await lease.read(accounts.count()) // 3
   * ```
   *
   * @throws {UsageError} inside a unit, on a lease, and for unknown or invalid options.
   */
  lease(options?: LeaseOptions): Promise<HeldLease<Native>>

  /**
   * A unit of work for one request or job: it gives these options to all of its units, so that services take it without
   * knowing them. It shares the connections of the original. `with` can be nested: of two timeouts the shorter holds, also
   * beside a unit's own; of two signals the first that is aborted; tags are merged; other options replace outer ones. Its
   * `close` does nothing.
   *
   * @example
   * ```ts
   * const forRequest = uow.with({ timeout: 5_000, tags: { request: 'a1' } })
   * const ann = await forRequest.read(accounts.byId(1))
   * console.log(ann.name) // Ann
   * ```
   *
   * @throws {UsageError} when an option is unknown or invalid.
   */
  with(options: UnitDefaults): UnitOfWork<Native>

  /**
   * Closes all connections. Leases no more of them, and waits up to `pool.closeTimeout` for the units that hold one. A unit
   * that needs a connection afterwards, or waits for one, fails with an `AcquireError`.
   *
   * @example
   * ```ts
   * await uow.close()
   * await uow.run(accounts.count()) // throws AcquireError
   * ```
   */
  close(): Promise<void>
}

/** A statement that the server has checked. */
export interface CheckedStatement {
  readonly label: string | undefined
  readonly sql: string
  /** The reason why the server cannot run it; `undefined` if it can. */
  readonly error: LeaseholdError | undefined
}

/** The body of a sandbox. `sandboxed` is the unit of work for code inside; its `close` does nothing. */
export type SandboxBody<T> = (q: Executor, sandboxed: UnitOfWork) => Promise<T>
