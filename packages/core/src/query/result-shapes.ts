/** The shapes a statement's result can take, and the failures that come with them. */
import type { Compilable, CompiledQuery, InferResult } from 'kysely'
import { ResultError, UsageError } from '../errors/errors.ts'
import { assertKnown } from '../options/known-options.ts'
import {
  type Access,
  type AccessOf,
  type Builder,
  type DecodeInput,
  Query,
  rowsQuery,
  toStatement,
} from './query.ts'

/** The row type of a builder. */
export type RowOf<B> = B extends Compilable | CompiledQuery ? InferResult<B>[number] : never

export interface OneOptions {
  /** Makes the error for "no row" instead of a {@link ResultError}; it comes out of the unit as it is. */
  readonly orElse?: () => Error
}

export interface AffectedOptions {
  /** The number of matched rows to insist on; any other fails the unit with a {@link ResultError}. */
  readonly exactly?: number
}

const ONE_OPTIONS: ReadonlySet<string> = new Set(['orElse'] satisfies (keyof OneOptions)[])
const AFFECTED_OPTIONS: ReadonlySet<string> = new Set(['exactly'] satisfies (keyof AffectedOptions)[])

/** All rows, in the server's order. */
export function many<B extends Builder>(builder: B): Query<RowOf<B>[], AccessOf<B>> {
  return rowsQuery(builder) as Query<RowOf<B>[], AccessOf<B>>
}

/** The only row, or `undefined`; more than one row is a {@link ResultError}. */
export function maybeOne<B extends Builder>(builder: B): Query<RowOf<B> | undefined, AccessOf<B>> {
  return shape(builder, (answer) => {
    const { rows } = answer
    if (rows.length > 1) throw new ResultError(answer, 'at most one row', `${rows.length} rows`)
    return rows[0] as RowOf<B> | undefined
  })
}

/** The only row; none is a {@link ResultError} or what `orElse` makes, more than one is a {@link ResultError}. */
export function one<B extends Builder>(builder: B, options: OneOptions = {}): Query<RowOf<B>, AccessOf<B>> {
  assertKnown('one', options, ONE_OPTIONS)
  return shape(builder, (answer) => {
    const { rows } = answer
    if (rows.length === 1) return rows[0] as RowOf<B>
    if (rows.length === 0 && options.orElse !== undefined) throw options.orElse()
    throw new ResultError(answer, 'exactly one row', rows.length === 0 ? 'none' : `${rows.length} rows`)
  })
}

/** What counts rows, which a builder that reads does not: raw SQL, and builders that write. */
export type WriteBuilder = Builder & { readonly isSelectQueryBuilder?: never }

/**
 * The number of rows that a write matched, whether or not it changed their values. Throws a {@link UsageError} for what
 * reads.
 */
export function affected(builder: WriteBuilder, options: AffectedOptions = {}): Query<number, 'write'> {
  assertKnown('affected', options, AFFECTED_OPTIONS)
  const { exactly } = options
  if (exactly !== undefined && (!Number.isSafeInteger(exactly) || exactly < 0)) {
    throw new UsageError(`affected: expected exactly to be a whole number from 0, got ${exactly}`)
  }
  const decode = (answer: DecodeInput): number => {
    const { result } = answer
    if (exactly === undefined || result.affectedRows === exactly) return result.affectedRows
    throw new ResultError(answer, `${exactly} affected rows`, String(result.affectedRows))
  }
  return shape(writing('affected', builder), decode, exactly !== undefined)
}

/**
 * The key that AUTO_INCREMENT gave to the first inserted row. A statement that got none, or one that a number
 * can't hold, is a {@link ResultError}; for the latter take the `insertId` of `one(builder)`, a bigint.
 */
export function inserted(builder: WriteBuilder): Query<number, 'write'> {
  return shape(writing('inserted', builder), generatedKey)
}

/** The types are those of a caller who heeds them. */
function writing(name: string, builder: WriteBuilder): WriteBuilder {
  if (!('isSelectQueryBuilder' in builder)) return builder
  throw new UsageError(
    `${name}: expected a statement that writes, got a select: many, one or maybeOne give its rows`,
  )
}

/** The key that AUTO_INCREMENT gave; throws a {@link ResultError} if there is none. */
export function generatedId(answer: DecodeInput): bigint {
  const { insertId } = answer.result
  if (insertId > 0n) return insertId
  throw new ResultError(answer, 'a generated key', 'none: does the table have an AUTO_INCREMENT column?')
}

/** The same as a number; throws a {@link ResultError} for one that a number can't hold, too. */
export function generatedKey(answer: DecodeInput): number {
  const id = generatedId(answer)
  if (id <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(id)
  throw new ResultError(answer, 'a generated key up to 2^53 - 1', String(id))
}

/** A statement with what is to be made of its answer; `checked`, if that can throw. */
export function shape<T, A extends Access>(
  builder: Builder,
  decode: (answer: DecodeInput) => T,
  checked = true,
): Query<T, A> {
  return new Query({ type: 'statement', statement: toStatement(builder), decode, checked })
}
