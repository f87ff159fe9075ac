/** Loaders: they batch the keys of one flight into one statement. */
import { ResultError, UsageError } from '../errors/errors.ts'
import { identityOf } from './key-identity.ts'
import type { RowIn } from './relation-types.ts'
import {
  type Access,
  type AccessOf,
  type LoadPlan,
  Query,
  type ResultOf,
  type RowsQueryable,
} from './query.ts'

/** The type of the keys that `fetch` takes a list of; `unknown` if its parameter has no type. */
export type KeyFor<F> = F extends (keys: readonly (infer K)[]) => unknown
  ? [K] extends [never]
    ? unknown
    : K | null | undefined
  : never

/** Loads rows by key; {@link loader} makes it. */
export interface Loader<in K, out Row, out A extends Access = Access> {
  /** The row of the key, or `undefined` without one. More than one row fails with a {@link ResultError}. */
  load(key: K): Query<Row | undefined, A>
  /** All rows of the key, in the order of the server's answer. */
  loadMany(key: K): Query<Row[], A>
}

/**
 * Batches loads by key. All loads of one flight become one query of `fetch`, whichever branch, repository or task of a
 * body made them. `fetch` receives each key once, in the order of the loads, at most 1 000 per query. `key` returns the
 * key of a row. Keys are equal as in SQL: `1`, `1n` and `true` are the same key, `1` and `'1'` are not.
 *
 * A row whose key was not loaded is a {@link ResultError}. If `fetch` fails, all loads of the batch fail. The statements of
 * `fetch` carry their own label, else that of the first load.
 *
 * A unit caches the rows of each key, and their absence. It drops them when it writes to a table that `fetch` reads, or
 * locks rows of one. It also drops them when it runs raw SQL, and when an attempt rolls back such a write. If `fetch` is more than one statement with `map`, or
 * contains raw SQL, every write drops them. Changes by triggers, cascades and views go unnoticed. All loads of a row share
 * one object: do not modify it.
 *
 * Loads and writes of the same flight have no order. A loader is a value: make it once, beside the repository.
 *
 * @example
 * ```ts
 * const byId = loader(
 *   (ids: readonly number[]) => db.selectFrom('accounts').selectAll().where('id', 'in', ids),
 *   (row) => row.id,
 * )
 * const found = await uow.read(all([byId.load(2), byId.load(1), byId.load(2)]))
 * console.log(found.map((row) => row?.name)) // [ 'Bob', 'Ann', 'Bob' ]
 * ```
 *
 * @throws {UsageError} when `fetch` or `key` is not a function. `load` and `loadMany` throw it for a key that is null or of
 *   an unsupported type.
 */
export function loader<F extends (keys: readonly never[]) => RowsQueryable, K extends KeyFor<F>>(
  fetch: F,
  key: (row: RowIn<ResultOf<ReturnType<F>>>) => K,
): Loader<K & {}, RowIn<ResultOf<ReturnType<F>>>, AccessOf<ReturnType<F>>> {
  if (typeof fetch !== 'function' || typeof key !== 'function') {
    throw new UsageError('loader: expected two functions, as in loader((keys) => …, (row) => row.id)')
  }
  const source = { fetch, keyOf: key } as unknown as LoadPlan['source']
  const query = <T>(key: unknown, pick: LoadPlan['pick']): Query<T, AccessOf<ReturnType<F>>> =>
    new Query({ type: 'load', source, key, identity: identityOf(key), pick })
  return Object.freeze({
    load: (key: unknown) => query<never>(key, onlyRow),
    loadMany: (key: unknown) => query<never>(key, (rows) => [...rows]),
  })
}

function onlyRow(rows: readonly unknown[], label: string | undefined): unknown {
  if (rows.length <= 1) return rows[0]
  throw new ResultError({ label }, 'at most one row for each key', `${rows.length} rows`)
}
