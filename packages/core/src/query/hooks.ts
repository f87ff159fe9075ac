/** Work outside of the database that belongs to a unit's end: mails, messages, caches. */
import { type Hook, Query } from './query.ts'

/**
 * Has `hook` called once the unit is committed and its connection given back, in the order of registration.
 * `run` waits for it; what it throws is reported and changes nothing about the unit.
 */
export function afterCommit(hook: Hook): Query<void, 'read'> {
  return new Query({ type: 'hook', on: 'commit', hook })
}

/**
 * The same for a unit that was rolled back, by its last attempt. Neither kind is called when the outcome of COMMIT is
 * unknown and no `outcomeKey` tells it.
 */
export function afterRollback(hook: Hook): Query<void, 'read'> {
  return new Query({ type: 'hook', on: 'rollback', hook })
}
