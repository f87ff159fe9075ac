import { affected, defineRepository, one, template } from '@leasehold/core'
import { db } from '../db.ts'
import { UnknownItem } from '../errors.ts'
import type { Item } from '../schema.ts'

// Of what an order runs for each of its lines Kysely's share is to be felt.
const byId = template((item: number) =>
  db.selectFrom('item').select(['i_name', 'i_price', 'i_data']).where('i_id', '=', item),
)

export const items = defineRepository('items', {
  byId: (item: number) => one(byId(item), { orElse: () => new UnknownItem(item) }),

  add: (rows: readonly Item[]) => affected(db.insertInto('item').values(rows), { exactly: rows.length }),
})
