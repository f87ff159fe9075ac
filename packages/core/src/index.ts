export { type Attempt, attempt, recover } from './query/attempt.ts'
export { collect, type Collected, type Plain, type QueriesIn, type Shape } from './query/collect.ts'
export { type AccessOfAll, all, each, fail, type Results, succeed } from './query/combinators.ts'
export { composer, type ComposerOptions } from './statement/compile-only-kysely.ts'
export type { DeadlineOptions } from './unit-of-work/deadline.ts'
export { type DescribedStatement, describeQuery, type Description } from './interpreter/describe-query.ts'
export type {
  AccessMode,
  Answer,
  Command,
  Connection,
  Driver,
  DriverStats,
  IsolationLevel,
  NamedLocks,
  OutcomeLedger,
  Session,
  StatementCommand,
  TransactionOptions,
} from './driver.ts'
export {
  AlreadyCommittedError,
  AcquireError,
  type AcquireReason,
  CommitUnknownError,
  ConnectionLostError,
  DeadlineError,
  type DeadlineReason,
  ImplicitCommitError,
  LeaseholdError,
  LockError,
  ResultError,
  type ResultPlace,
  StaleError,
  type StaleErrorFacts,
  StatementError,
  type StatementErrorFacts,
  type StatementErrorKind,
  UsageError,
} from './errors/errors.ts'
export type { FlightCommand, FlightEvent, LeaseEvent, UnitAccess, UnitEvent, UnitOutcome } from './events.ts'
export type { ExplainedStatement, PlanRow } from './transaction/explain.ts'
export type { Executor } from './executor/executor.ts'
export type { HookErrorHandler } from './unit-of-work/run-hooks.ts'
export { afterCommit, afterRollback } from './query/hooks.ts'
export { type KeyFor, loader, type Loader } from './query/loader.ts'
export { abridged } from './errors/messages.ts'
export type {
  AccessOfRelations,
  Nestable,
  Nested,
  NestedRow,
  NestedValue,
  Relations,
  RowIn,
} from './query/relation-types.ts'
export type { Page } from './table/page.ts'
export { program } from './query/program.ts'
export {
  type Access,
  type AccessOf,
  type Builder,
  type Hook,
  Query,
  type Queryable,
  type ResultOf,
  type RowsQueryable,
  type SelectBuilder,
} from './query/query.ts'
export {
  belongsTo,
  hasMany,
  hasOne,
  type KeyIn,
  type ParentOf,
  Relation,
  type RelationColumns,
} from './query/relation.ts'
export type { Answering, Answers, Call, Reply, ResultParts } from './interpreter/scripted-answers.ts'
export { defineRepository } from './query/repository.ts'
export type { RowSource, RowStream } from './executor/row-stream.ts'
export type { StatementResult } from './statement/statement-result.ts'
export {
  affected,
  type AffectedOptions,
  inserted,
  many,
  maybeOne,
  one,
  type OneOptions,
  type RowOf,
  type WriteBuilder,
} from './query/result-shapes.ts'
export { type HiddenMarks, type Reading, readingsOf, type Token } from './statement/sql-words.ts'
export { Statement, type StatementKind } from './statement/statement.ts'
export type { ServerFacts } from './statement/server-facts.ts'
export type { Direction, OrderBy } from './table/order.ts'
export { tableRepository } from './table/table-repository.ts'
export type {
  ColumnOf,
  DeletedRows,
  FilterOptions,
  KeyColumn,
  ListOptions,
  NullableColumn,
  PageOptions,
  ReadingOptions,
  RepositoryOfTable,
  TableOptions,
  TableRepository,
  TableTypes,
  TypesOfTable,
} from './table/types.ts'
export type { RetryOptions } from './unit-of-work/retry-policy.ts'
export { type Filled, template } from './query/template.ts'
export type { Body } from './unit-of-work/job.ts'
export type { UnitIdentity } from './errors/unit-identity.ts'
export type {
  CheckedStatement,
  HeldLease,
  HeldUnit,
  NamedLock,
  SandboxBody,
  UnitOfWork,
} from './unit-of-work/unit-of-work.ts'
export type {
  BeginOptions,
  LeaseOptions,
  LockOptions,
  ReadOptions,
  RunOptions,
  StreamOptions,
  UnitDefaults,
  UnitOfWorkOptions,
} from './unit-of-work/unit-options.ts'
export { createUnitOfWork } from './unit-of-work/create-unit-of-work.ts'
