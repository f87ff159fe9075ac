import { defineRepository } from '@leasehold/core'
import { checkRepository, type Finding } from '@leasehold/core/testing'
import { expectTypeOf, test } from 'vitest'
import { accounts, uow } from './shop.ts'

test('samples are those of the functions: required where a function has parameters', () => {
  const findings = checkRepository(accounts, uow, { byId: [1], find: [1], open: ['Ann'], freeze: [1] })
  expectTypeOf(findings).toEqualTypeOf<Promise<readonly Finding[]>>()
  void checkRepository(accounts, uow, { byId: [1], find: [1], open: ['Ann'], freeze: [1], list: [] })
  // @ts-expect-error -- Property 'freeze' is missing
  void checkRepository(accounts, uow, { byId: [1], find: [1], open: ['Ann'] })
  // @ts-expect-error -- 'open' takes a string
  void checkRepository(accounts, uow, { byId: [1], find: [1], open: [1], freeze: [1] })
  // @ts-expect-error -- there is no such function
  void checkRepository(accounts, uow, { byId: [1], find: [1], open: ['Ann'], freeze: [1], shut: [1] })
})

test('functions that can do without arguments need no sample', () => {
  const some = defineRepository('some', {
    none: () => accounts.list(),
    optional: (id?: number) => accounts.byId(id ?? 1),
  })
  void checkRepository(some, uow, {})
  void checkRepository(some, uow, { optional: [1] })
  // @ts-expect-error -- 'optional' takes a number
  void checkRepository(some, uow, { optional: ['1'] })
})
