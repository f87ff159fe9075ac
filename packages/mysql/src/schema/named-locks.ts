/** Named locks (MySQL reference manual, "Locking Functions"). */
import type { NamedLocks } from '@leasehold/core'
import { sql } from 'kysely'
import { mysqlBuilder } from '../builder/builder.ts'

const db = mysqlBuilder<Record<string, never>>()

export const locks: NamedLocks = {
  take: (name, seconds) => db.selectNoFrom(sql`get_lock(${name}, ${seconds})`.as('granted')),
  release: (name) => db.selectNoFrom(sql`release_lock(${name})`.as('released')),
  holder: (name) => db.selectNoFrom(sql`is_used_lock(${name})`.as('holder')),
}
