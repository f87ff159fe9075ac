import { type AccessOf, Query, type Queryable, type ResultOf } from './query.ts'
import type { ServerFacts } from '../statement/server-facts.ts'

/** The query that `choose` makes from the facts of the server. The unit leases a connection before it calls `choose`. */
export function onServer<const Q extends Queryable>(
  choose: (server: ServerFacts) => Q,
): Query<ResultOf<Q>, AccessOf<Q>> {
  return new Query({ type: 'server', choose })
}
