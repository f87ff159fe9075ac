export { type Attempt, attempt, recover } from './attempt.ts'
export { collect, type Collected, type Plain, type QueriesIn, type Shape } from './collect.ts'
export { type AccessOfAll, all, each, fail, type Results, succeed } from './combine.ts'
export { composer, type ComposerOptions } from './composer.ts'
export type { DeadlineOptions } from './deadline.ts'
export { type DescribedStatement, describeQuery, type Description } from './description.ts'
export type {
  AccessMode,
  Answer,
  Command,
  Connection,
  Driver,
  DriverStats,
  IsolationLevel,
  OutcomeLedger,
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
  ResultError,
  type ResultPlace,
  StaleError,
  type StaleErrorFacts,
  StatementError,
  type StatementErrorFacts,
  type StatementErrorKind,
  UsageError,
} from './errors.ts'
export type { FlightCommand, FlightEvent, LeaseEvent, UnitAccess, UnitEvent, UnitOutcome } from './events.ts'
export type { ExplainedStatement, PlanRow } from './explanation.ts'
export type { Executor } from './executor.ts'
export type { HookErrorHandler } from './hook-calls.ts'
export { afterCommit, afterRollback } from './hooks.ts'
export { type KeyFor, loader, type Loader } from './loader.ts'
export { abridged } from './messages.ts'
export type {
  AccessOfRelations,
  Nestable,
  Nested,
  NestedRow,
  NestedValue,
  Relations,
  RowIn,
} from './nesting.ts'
export type { Page } from './page.ts'
export { program } from './program.ts'
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
} from './query.ts'
export {
  belongsTo,
  hasMany,
  hasOne,
  type KeyIn,
  type ParentOf,
  Relation,
  type RelationColumns,
} from './relation.ts'
export type { Answering, Answers, Call, Reply, ResultParts } from './reply.ts'
export { defineRepository } from './repository.ts'
export type { RowSource, RowStream } from './row-stream.ts'
export type { StatementResult } from './result.ts'
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
} from './shapes.ts'
export { type HiddenMarks, type Reading, readingsOf, type Token } from './sql-words.ts'
export { Statement, type StatementKind } from './statement.ts'
export type { ServerFacts } from './server.ts'
export type { Direction, OrderBy } from './table-order.ts'
export { tableRepository } from './table-repository.ts'
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
} from './table-types.ts'
export type { RetryOptions } from './retry.ts'
export { type Filled, template } from './template.ts'
export type { Body } from './unit.ts'
export type { UnitIdentity } from './unit-identity.ts'
export type {
  CheckedStatement,
  ReadOptions,
  RunOptions,
  SandboxBody,
  StreamOptions,
  UnitOfWork,
  UnitOfWorkOptions,
} from './unit-of-work.ts'
export { createUnitOfWork } from './units.ts'
