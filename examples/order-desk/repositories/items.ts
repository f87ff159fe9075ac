import { affected, defineRepository, one } from '@leasehold/core'
import { db } from '../db.ts'
import { UnknownItem } from '../errors.ts'
import type { Item } from '../schema.ts'

export const items = defineRepository('items', {
  byId: (item: number) =>
    one(db.selectFrom('item').select(['i_name', 'i_price', 'i_data']).where('i_id', '=', item), {
      orElse: () => new UnknownItem(item),
    }),

  add: (rows: readonly Item[]) => affected(db.insertInto('item').values(rows), { exactly: rows.length }),
})
