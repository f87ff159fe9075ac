/** What a reader hovers over; test/package/declarations.test.ts compares how the compiler renders these types. */
import {
  all,
  belongsTo,
  collect,
  each,
  hasMany,
  loader,
  many,
  program,
  tableRepository,
} from '@leasehold/core'
import { expectTypeOf, test } from 'vitest'
import { accounts, db, uow } from './shop.ts'

const check = (id: number) =>
  program(function* () {
    const { name } = yield* accounts.byId(id)
    const [freezes, found] = yield* all([accounts.freeze(id), accounts.find(id)])
    const { rows } = yield* all({ rows: accounts.builder() })
    return { name, freezes, found, rows }
  })

export const query = check(1)
export const result = uow.run(check(1))
export const ofBody = uow.run(async (q) => q(check(1)))
export const ofBuilder = uow.run(accounts.builder())
export const list = all([accounts.freeze(1), accounts.find(1)])
export const ofList = uow.run(list)
export const record = all({ freezes: accounts.freeze(1), rows: accounts.builder() })
export const ofRecord = uow.run(record)
export const next = accounts.find(1).andThen(() => accounts.builder())
export const ofEach = each([1, 2], (id) => accounts.find(id).map((found) => ({ name: found?.name ?? '' })))
export const collected = collect({ page: 1, rows: accounts.builder(), lists: [accounts.freeze(1)] })

const accountsByIds = (ids: readonly number[]) =>
  many(db.selectFrom('accounts').select(['id', 'name']).where('id', 'in', ids))
export const byId = loader(accountsByIds, (row) => row.id)
export const loaded = byId.load(1)
export const relation = belongsTo(accountsByIds, { from: 'account', to: 'id' })
const entries = hasMany(
  (ids: readonly number[]) => db.selectFrom('entries').selectAll().where('account', 'in', ids),
  { from: 'id', to: 'account' },
)
export const nested = accounts.list().with({ entries: entries.with({ account: relation }) })
export const nestedOne = uow.run(loaded.with({ entries: entries.with({ account: relation }) }))

const table = tableRepository(db, 'entries', { key: 'id' })
export const entry = table.byId(1)
export const page = table.page({ limit: 1 })
export const insert = table.insert
export const patch = table.patch

test('a unit gives what its query says', () => {
  expectTypeOf<Awaited<typeof ofRecord>>().toEqualTypeOf<{ freezes: number; rows: { id: number }[] }>()
  expectTypeOf(ofBody).toEqualTypeOf(result)
})
