import { expect, test } from 'vitest'
import { Random } from '../generate/random.ts'
import { type Clerk, newOrderInput, paymentInput } from '../input.ts'
import { pickTransaction, TRANSACTION_NAMES } from '../mix.ts'
import { fullScale } from '../scale.ts'

const MANY = 20_000

function clerk(warehouses: number): Clerk {
  return {
    random: new Random(1),
    scale: fullScale(warehouses),
    constants: { lastName: 223, customer: 259, item: 7911 },
    warehouse: 1,
  }
}

const share = <T>(values: readonly T[], is: (value: T) => boolean) => values.filter(is).length / values.length

test('orders have five to fifteen lines of one to ten pieces', () => {
  const one = clerk(1)
  const inputs = Array.from({ length: MANY }, () => newOrderInput(one))
  const counts = new Set(inputs.map((input) => input.lines.length))
  const quantities = new Set(inputs.flatMap((input) => input.lines.map((line) => line.quantity)))

  expect([...counts].sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  expect([...quantities].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('one order in a hundred has an unknown item, its last', () => {
  const one = clerk(1)
  const inputs = Array.from({ length: MANY }, () => newOrderInput(one))
  const unknown = (item: number) => item > one.scale.items

  expect(share(inputs, (input) => input.lines.some((line) => unknown(line.item)))).toBeCloseTo(0.01, 2)
  expect(inputs.some((input) => input.lines.slice(0, -1).some((line) => unknown(line.item)))).toBe(false)
})

test.each([
  { warehouses: 1, remoteLines: 0, remotePayments: 0 },
  { warehouses: 3, remoteLines: 0.01, remotePayments: 0.15 },
])(
  'with $warehouses warehouses $remoteLines of lines and $remotePayments of payments are remote',
  (expected) => {
    const one = clerk(expected.warehouses)
    const lines = Array.from({ length: MANY }, () => newOrderInput(one)).flatMap((input) => input.lines)
    const payments = Array.from({ length: MANY }, () => paymentInput(one))

    expect(share(lines, (line) => line.supplyWarehouse !== 1)).toBeCloseTo(expected.remoteLines, 2)
    expect(share(payments, ({ customer }) => customer.warehouse !== 1)).toBeCloseTo(
      expected.remotePayments,
      2,
    )
  },
)

test('six in ten customers who pay tell their last name', () => {
  const one = clerk(1)
  const payments = Array.from({ length: MANY }, () => paymentInput(one))

  expect(share(payments, ({ customer }) => 'lastName' in customer.choice)).toBeCloseTo(0.6, 1)
  expect(payments.every(({ cents }) => cents >= 1_00 && cents <= 5000_00)).toBe(true)
})

test('mixes the transactions by their shares', () => {
  const random = new Random(1)
  const picked = Array.from({ length: 100_000 }, () => pickTransaction(random))
  const shares = TRANSACTION_NAMES.map((name) => Math.round(share(picked, (pick) => pick === name) * 100))

  expect(shares).toEqual([45, 43, 4, 4, 4])
})
