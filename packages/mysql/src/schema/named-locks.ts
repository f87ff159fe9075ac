/** Named locks (MySQL reference manual, "Locking Functions"). */
import type { NamedLocks } from '@leasehold/core'
import { sql } from 'kysely'
import { mysqlBuilder } from '../builder/builder.ts'

const db = mysqlBuilder<Record<string, never>>()

/** The limits are there because a session's sql_select_limit would apply. */
export const locks: NamedLocks = {
  take: (name, seconds) => db.selectNoFrom(sql`get_lock(${name}, ${seconds})`.as('granted')).limit(1),
  release: (name) => db.selectNoFrom(sql`release_lock(${name})`.as('released')).limit(1),
  holder: (name) => db.selectNoFrom(sql`is_used_lock(${name})`.as('holder')).limit(1),
}
