/** Loaders: rows by their keys, those that are asked for together in one statement. */
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

/** What a `fetch` takes a list of; anything if its parameter has no type. */
export type KeyFor<F> = F extends (keys: readonly (infer K)[]) => unknown
  ? [K] extends [never]
    ? unknown
    : K | null | undefined
  : never

/** See {@link loader}. */
export interface Loader<in K, out Row, out A extends Access = Access> {
  /** The row of the key, or `undefined`; more than one is a {@link ResultError}. */
  load(key: K): Query<Row | undefined, A>
  /** All rows of the key, in the order of the server. */
  loadMany(key: K): Query<Row[], A>
}

/**
 * Rows by their keys. What is asked for in the same flight, in whichever branch, repository or task of a body, becomes
 * one query of `fetch`, which is given each key once, in the order of asking, and at most 1 000 of them. `key` tells
 * which key a row belongs to; see `identityOf` for what is equal. A row of a key that was not asked for is a
 * {@link ResultError}. If the fetch fails, all who asked fail. Its statements carry the label of who asked first, unless
 * they have their own.
 *
 * Within a unit a key is asked for once: its rows, or that there are none, are remembered until the unit writes to a table
 * that `fetch` reads, or locks rows of it, runs raw SQL, or undoes such a write in an attempt. Where `fetch` is more than
 * one statement and `map`, or has raw SQL in it, any write counts. What a trigger, a cascade or a view touches is not seen.
 * Those who ask for the same row get the same object, so nobody should change it.
 *
 * Loads and writes beside each other have no order. A loader is a value; make it once, beside the repository.
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
