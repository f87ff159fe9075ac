import { describeQuery } from '@leasehold/core'
import { expectTypeOf, test } from 'vitest'
import { type Account, accounts } from './shop.ts'

test('the value of a description is that of its query', () => {
  const { outcome } = describeQuery(accounts.byId(1), { 'accounts.byId': { id: 1 } })
  if (outcome.type === 'success') expectTypeOf(outcome.value).toEqualTypeOf<Account>()
  if (outcome.type === 'waiting') expectTypeOf(outcome.for).toEqualTypeOf<readonly string[]>()
  expectTypeOf(describeQuery(accounts.builder()).outcome).toExtend<
    { type: 'success'; value: { id: number }[] } | { type: 'failure' | 'waiting' }
  >()
  // @ts-expect-error -- a waiting description has no value
  void outcome.value
  // @ts-expect-error -- a string is no query
  describeQuery('select 1')
  // @ts-expect-error -- a string is no answer
  describeQuery(accounts.byId(1), { 'accounts.byId': 'Ann' })
})
