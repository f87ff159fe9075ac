import { affected, many, type Query, template } from '@leasehold/core'
import { expectTypeOf, test } from 'vitest'
import { db, uow } from './shop.ts'

const byAccount = template((account: number) =>
  db.selectFrom('entries').select(['id', 'cents']).where('account', '=', account),
)
const add = template((row: { account: number; cents: number }) => db.insertInto('entries').values(row))

test('a template has the rows and the access of its builder', () => {
  expectTypeOf(many(byAccount(1))).toEqualTypeOf<Query<{ id: number; cents: number }[], 'read'>>()
  expectTypeOf(uow.read(byAccount(1))).toEqualTypeOf<Promise<{ id: number; cents: number }[]>>()
  expectTypeOf(affected(add({ account: 1, cents: 2 }))).toEqualTypeOf<Query<number, 'write'>>()
})

test('and the arguments of its function', () => {
  // @ts-expect-error an account is a number
  byAccount('1')
  // @ts-expect-error a template of an insert writes
  void uow.read(add({ account: 1, cents: 2 }))
  expectTypeOf(byAccount(1)).not.toHaveProperty('where')
})
