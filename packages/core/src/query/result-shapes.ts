/** Result shapes: how many rows a statement may return, and the failure for any other number. */
import type { Compilable, CompiledQuery, InferResult } from 'kysely'
import { ResultError, UsageError } from '../errors/errors.ts'
import { assertOptions, type OptionChecks } from '../options/check-options.ts'
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
  /** Makes the error for a missing row; the unit rejects with the same object. Default: a {@link ResultError}. */
  readonly orElse?: (() => Error) | undefined
}

export interface AffectedOptions {
  /** The required number of matched rows, a whole number from 0. Any other number fails with a {@link ResultError}. Default: any. */
  readonly exactly?: number | undefined
}

const ONE_OPTIONS: OptionChecks<keyof OneOptions> = { orElse: 'function' }
const AFFECTED_OPTIONS: OptionChecks<keyof AffectedOptions> = { exactly: wholeNumberFrom0 }

/**
 * The query of all rows, in the order of the server's answer.
 *
 * @example
 * ```ts
 * const names = many(db.selectFrom('accounts').select('name').orderBy('id'))
 * await uow.read(names) // [ { name: 'Ann' }, { name: 'Bob' } ]
 * ```
 *
 * @throws {UsageError} when `builder` is no builder of `mysqlBuilder`.
 */
export function many<B extends Builder>(builder: B): Query<RowOf<B>[], AccessOf<B>> {
  return rowsQuery(builder) as Query<RowOf<B>[], AccessOf<B>>
}

/**
 * The query of the only row, or `undefined` without one. More than one row fails the unit with a {@link ResultError}.
 *
 * @example
 * ```ts
 * const byName = (name: string) =>
 *   maybeOne(db.selectFrom('accounts').selectAll().where('name', '=', name))
 * await uow.read(byName('Eve')) // undefined
 * ```
 *
 * @throws {UsageError} when `builder` is no builder of `mysqlBuilder`.
 */
export function maybeOne<B extends Builder>(builder: B): Query<RowOf<B> | undefined, AccessOf<B>> {
  return shape(builder, (answer) => {
    const { rows } = answer
    if (rows.length > 1) throw new ResultError(answer, 'at most one row', `${rows.length} rows`)
    return rows[0] as RowOf<B> | undefined
  })
}

/**
 * The query of the only row. No row fails the unit with the error of `orElse`, else a {@link ResultError}. More than one
 * row fails it with a {@link ResultError}.
 *
 * @example
 * ```ts
 * const byId = (id: number) =>
 *   one(db.selectFrom('accounts').selectAll().where('id', '=', id), {
 *     orElse: () => new RangeError(`there is no account ${id}`),
 *   })
 * await uow.read(byId(1)) // { id: 1, name: 'Ann', cents: 1000 }
 * await uow.read(byId(9)) // throws RangeError
 * ```
 *
 * @throws {UsageError} when `builder` is no builder of `mysqlBuilder`, or an option is unknown.
 */
export function one<B extends Builder>(builder: B, options: OneOptions = {}): Query<RowOf<B>, AccessOf<B>> {
  assertOptions('one', options, ONE_OPTIONS)
  return shape(builder, (answer) => {
    const { rows } = answer
    if (rows.length === 1) return rows[0] as RowOf<B>
    if (rows.length === 0 && options.orElse !== undefined) throw options.orElse()
    throw new ResultError(answer, 'exactly one row', rows.length === 0 ? 'none' : `${rows.length} rows`)
  })
}

/** A builder that may write: any but a select, raw SQL included. */
export type WriteBuilder = Builder & { readonly isSelectQueryBuilder?: never }

/**
 * The query of the number of rows that a write matched, whether or not their values changed. The servers count a row twice
 * if ON DUPLICATE KEY UPDATE changed it, and the deleted rows of a REPLACE as well.
 *
 * @example
 * ```ts
 * const raise = db.updateTable('accounts').set((eb) => ({ cents: eb('cents', '+', 10) }))
 * await uow.run(affected(raise)) // 2
 * await uow.run(affected(raise.where('id', '=', 9), { exactly: 1 })) // throws ResultError
 * ```
 *
 * @throws {UsageError} when `builder` is a select or no builder of `mysqlBuilder`, or an option is unknown or invalid.
 */
export function affected(builder: WriteBuilder, options: AffectedOptions = {}): Query<number, 'write'> {
  assertOptions('affected', options, AFFECTED_OPTIONS)
  const { exactly } = options
  const decode = (answer: DecodeInput): number => {
    const { result } = answer
    if (exactly === undefined || result.affectedRows === exactly) return result.affectedRows
    const rows = exactly === 1 ? 'affected row' : 'affected rows'
    throw new ResultError(answer, `${exactly} ${rows}`, String(result.affectedRows))
  }
  return shape(writing('affected', builder), decode, exactly !== undefined)
}

/**
 * The query of the key that AUTO_INCREMENT generated for the first inserted row. A statement without a generated key fails
 * the unit with a {@link ResultError}, and so does a key beyond 2^53 - 1. `one(builder)` gives such a key as `insertId`, a
 * bigint.
 *
 * @example
 * ```ts
 * const add = inserted(db.insertInto('accounts').values({ name: 'Eve', cents: 0 }))
 * await uow.run(add) // 3
 * ```
 *
 * @throws {UsageError} when `builder` is a select or no builder of `mysqlBuilder`.
 */
export function inserted(builder: WriteBuilder): Query<number, 'write'> {
  return shape(writing('inserted', builder), generatedKey)
}

function wholeNumberFrom0(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  throw new UsageError(`affected: expected ${name} to be a whole number from 0, got ${String(value)}`)
}

/** Refuses a select, which types alone don't keep out: callers may use JavaScript or casts. */
function writing(name: string, builder: WriteBuilder): WriteBuilder {
  if (!('isSelectQueryBuilder' in builder)) return builder
  throw new UsageError(
    `${name}: expected a statement that writes, got a select; use many, one or maybeOne for its rows`,
  )
}

/**
 * The key that AUTO_INCREMENT generated.
 *
 * @throws {ResultError} when the statement generated none.
 */
export function generatedId(answer: DecodeInput): bigint {
  const { insertId } = answer.result
  if (insertId > 0n) return insertId
  throw new ResultError(answer, 'a generated key', 'none; check that the table has an AUTO_INCREMENT column')
}

/**
 * The key that AUTO_INCREMENT generated, as a number.
 *
 * @throws {ResultError} when the statement generated none, or one beyond 2^53 - 1.
 */
export function generatedKey(answer: DecodeInput): number {
  const id = generatedId(answer)
  if (id <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(id)
  throw new ResultError(answer, 'a generated key up to 2^53 - 1', String(id))
}

/** The query of one statement, whose answer `decode` turns into the result. `checked`: whether `decode` can throw. */
export function shape<T, A extends Access>(
  builder: Builder,
  decode: (answer: DecodeInput) => T,
  checked = true,
): Query<T, A> {
  return new Query({ type: 'statement', statement: toStatement(builder), decode, checked })
}
