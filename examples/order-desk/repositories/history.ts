import { affected, defineRepository } from '@leasehold/core'
import { db } from '../db.ts'
import type { History } from '../schema.ts'

export const history = defineRepository('history', {
  add: (rows: readonly History[]) =>
    affected(db.insertInto('history').values(rows), { exactly: rows.length }),
})
