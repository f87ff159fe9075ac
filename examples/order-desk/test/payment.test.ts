import { all, one } from '@leasehold/core'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import type { CustomerChoice } from '../customer-choice.ts'
import { db } from '../db.ts'
import { UnknownCustomer } from '../errors.ts'
import { lastName } from '../generate/last-name.ts'
import { payment } from '../transactions/payment.ts'
import { expectConsistent, flightsOf, openSmallDesk, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

afterEach(() => expectConsistent(desk))

const pay = (choice: CustomerChoice) =>
  payment({
    warehouse: 1,
    district: 2,
    customer: { warehouse: 2, district: 3, choice },
    cents: 12_34,
    paidAt: new Date(),
  })

const account = (customer: number) =>
  one(
    db
      .selectFrom('customer')
      .select(['c_balance', 'c_ytd_payment', 'c_payment_cnt', 'c_data'])
      .where('c_w_id', '=', 2)
      .where('c_d_id', '=', 3)
      .where('c_id', '=', customer),
  )

const updateAccount = (customer: number) =>
  db.updateTable('customer').where('c_w_id', '=', 2).where('c_d_id', '=', 3).where('c_id', '=', customer)

test('takes three flights, by number and by last name', async () => {
  expect(await flightsOf(desk, pay({ number: 1 }))).toBe(3)
  expect(await flightsOf(desk, pay({ lastName: lastName(2) }))).toBe(3)
})

test('moves the money', async () => {
  const before = await desk.uow.read(account(9))
  const paid = await desk.uow.run(pay({ number: 9 }))

  expect(paid).toEqual({ customer: 9, balance: before.c_balance - 12_34 })
  expect(await desk.uow.read(account(9))).toMatchObject({
    c_balance: before.c_balance - 12_34,
    c_ytd_payment: before.c_ytd_payment + 12_34,
    c_payment_cnt: before.c_payment_cnt + 1,
  })
})

test('notes payments of bad credit in front of what was there, as far as it fits', async () => {
  await desk.uow.run(
    all([updateAccount(10).set({ c_credit: 'BC' }), updateAccount(11).set({ c_credit: 'GC' })]),
  )
  const before = await desk.uow.read(all([account(10), account(11)]))
  await desk.uow.run(all([pay({ number: 10 }), pay({ number: 11 })]))
  const after = await desk.uow.read(all([account(10), account(11)]))

  expect(after[0].c_data).toBe(`10 3 2 2 1 12.34 ${before[0].c_data}`.slice(0, 500))
  expect(after[1].c_data).toBe(before[1].c_data)
})

test('means the middle one of several customers of a name, by first name', async () => {
  const names = ['Anna', 'Berta', 'Clara', 'Dora']
  await desk.uow.run(
    all(names.map((name, index) => updateAccount(30 - index).set({ c_first: name, c_last: 'MANY' }))),
  )

  // Of four the second: Berta, whose number is 29.
  expect(await desk.uow.run(pay({ lastName: 'MANY' }))).toMatchObject({ customer: 29 })
})

test('knows when there is nobody of that name', async () => {
  await expect(desk.uow.run(pay({ lastName: 'NOBODY' }))).rejects.toThrow(new UnknownCustomer('NOBODY', 3))
})
