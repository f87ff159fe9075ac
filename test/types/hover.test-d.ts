/** What a reader hovers over; test/package/declarations.test.ts compares how the compiler renders these types. */
import { all, program, tableRepository } from '@leasehold/core'
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

const table = tableRepository(db, 'entries', { key: 'id' })
export const entry = table.byId(1)
export const page = table.page({ limit: 1 })
export const insert = table.insert
export const patch = table.patch

test('a unit gives what its query says', () => {
  expectTypeOf<Awaited<typeof ofRecord>>().toEqualTypeOf<{ freezes: number; rows: { id: number }[] }>()
  expectTypeOf(ofBody).toEqualTypeOf(result)
})
