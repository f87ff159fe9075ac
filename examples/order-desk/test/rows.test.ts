import { expect, test } from 'vitest'
import { lastName } from '../generate/last-name.ts'
import { Random } from '../generate/random.ts'
import * as rows from '../generate/rows.ts'
import { alphanumeric, brandData, digits, state, zip } from '../generate/strings.ts'

const constants = { lastName: 157, customer: 259, item: 7911 }
const scale = { warehouses: 1, items: 100_000, districtsPerWarehouse: 10, customersPerDistrict: 3000 }
const place = { warehouse: 1, district: 2, openedAt: new Date() }

test.each([
  [0, 'BARBARBAR'],
  [371, 'PRICALLYOUGHT'],
  [999, 'EINGEINGEING'],
  [40, 'BARPRESBAR'],
])('last name %i is %s', (number, name) => {
  expect(lastName(number)).toBe(name)
})

test('strings have the lengths and characters they should', () => {
  const random = new Random(1)
  const lengths = new Set(Array.from({ length: 500 }, () => alphanumeric(random, 14, 24).length))

  expect([...lengths].sort((a, b) => a - b)).toEqual([14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
  expect(alphanumeric(random, 500)).toMatch(/^[0-9A-Za-z]{500}$/)
  expect(digits(random, 16)).toMatch(/^\d{16}$/)
  expect(state(random)).toMatch(/^[A-Z]{2}$/)
  expect(zip(random)).toMatch(/^\d{4}11111$/)
})

test('one in ten brands is original', () => {
  const random = new Random(1)
  const brands = Array.from({ length: 20_000 }, () => brandData(random))
  const original = brands.filter((text) => text.includes('ORIGINAL'))

  expect(original.length / brands.length).toBeCloseTo(0.1, 2)
  expect(brands.every((text) => text.length >= 26 && text.length <= 50)).toBe(true)
})

test('the first thousand customers have one last name each', () => {
  const random = new Random(1)
  const names = Array.from(
    { length: 1000 },
    (_, index) => rows.customer(random, place, index + 1, constants).c_last,
  )

  expect(new Set(names).size).toBe(1000)
  expect(names[371]).toBe('PRICALLYOUGHT')
})

test('one in ten customers has bad credit', () => {
  const random = new Random(1)
  const customers = Array.from({ length: 3000 }, (_, index) =>
    rows.customer(random, place, index + 1, constants),
  )
  const bad = customers.filter((customer) => customer.c_credit === 'BC')

  expect(bad.length).toBeGreaterThan(230)
  expect(bad.length).toBeLessThan(370)
})

test.each([
  { id: 2100, delivered: true },
  { id: 2101, delivered: false },
])('order $id of 3000 is delivered: $delivered', ({ id, delivered }) => {
  const { order, lines, waiting } = rows.order(new Random(id), place, id, 7, scale)

  expect(order.o_carrier_id !== null).toBe(delivered)
  expect(waiting).toHaveLength(delivered ? 0 : 1)
  expect(lines).toHaveLength(order.o_ol_cnt)
  for (const line of lines) {
    expect(line.ol_delivery_d !== null).toBe(delivered)
    expect(line.ol_amount === 0).toBe(delivered)
  }
})

test('a warehouse has received what its districts have', () => {
  const random = new Random(1)
  const { w_ytd } = rows.warehouse(random, 1, scale)
  const { d_ytd } = rows.district(random, 1, 1, scale)

  expect(d_ytd).toBe(30_000_00)
  expect(w_ytd).toBe(10 * d_ytd)
})
