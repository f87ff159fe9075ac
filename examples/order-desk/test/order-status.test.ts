import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import type { CustomerChoice } from '../customer-choice.ts'
import { lastName } from '../generate/last-name.ts'
import { orderStatus } from '../transactions/order-status.ts'
import { expectConsistent, flightsOfRead, openSmallDesk, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

afterEach(() => expectConsistent(desk))

const status = (choice: CustomerChoice) => orderStatus({ warehouse: 1, district: 2, choice })

test('takes two flights by number and three by last name', async () => {
  expect(await flightsOfRead(desk, status({ number: 3 }))).toBe(2)
  expect(await flightsOfRead(desk, status({ lastName: lastName(2) }))).toBe(3)
})

test('finds the same customer by number and by last name', async () => {
  const byNumber = await desk.uow.read(status({ number: 5 }))
  const byLastName = await desk.uow.read(status({ lastName: lastName(4) }))

  expect(byLastName).toEqual(byNumber)
  expect(byNumber.lines.length).toBeGreaterThanOrEqual(5)
})
