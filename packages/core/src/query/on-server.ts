import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'
import type { ServerFacts } from '../statement/server-facts.ts'

/** The query that `choose` makes when it is known what the server can do; a connection is leased for it. */
export function onServer<const Q extends Queryable>(
  choose: (server: ServerFacts) => Q,
): Query<ResultOf<Q>, AccessOf<Q>> {
  return new Query({ type: 'server', choose })
}
