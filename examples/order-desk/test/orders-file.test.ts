import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OrdersFileError, parseOrders, readOrders } from '../orders-file.ts'

const good = { district: 1, customer: 42, items: [{ id: 7, quantity: 2 }] }

function parseOne(line: string) {
  const [parsed] = parseOrders(line)
  return parsed
}

test('reads one order a line, and skips blank lines while counting them', () => {
  const text = `\uFEFF${JSON.stringify(good)}\r\n\n  \n${JSON.stringify({ ...good, district: 2 })}\n`

  expect(parseOrders(text)).toEqual([
    { line: 1, order: good },
    { line: 4, order: { ...good, district: 2 } },
  ])
})

test('keeps the good lines beside the bad ones', () => {
  const lines = parseOrders(`${JSON.stringify(good)}\noops\n${JSON.stringify(good)}`)

  expect(lines.map((line) => 'order' in line)).toEqual([true, false, true])
})

test('takes an item that is there twice, as two lines of the order', () => {
  const items = [good.items[0], good.items[0]]

  expect(parseOne(JSON.stringify({ ...good, items }))).toMatchObject({ order: { items } })
})

test('an empty file has no orders', () => {
  expect(parseOrders('')).toEqual([])
})

const items = (length: number) => Array.from({ length }, () => ({ id: 1, quantity: 1 }))

test.each([
  ['items: expected at least one, got none', { ...good, items: [] }],
  ['items: expected at most 15, got 16', { ...good, items: items(16) }],
  ['items: expected a list, got 7', { ...good, items: 7 }],
  ['items[0]: expected an object with id, quantity, got 7', { ...good, items: [7] }],
  ['items[0]: "quantity" is missing', { ...good, items: [{ id: 7 }] }],
  [
    'items[0].quantity: expected a whole number from 1 to 99, got 0',
    { ...good, items: [{ id: 7, quantity: 0 }] },
  ],
  [
    'items[0].quantity: expected a whole number from 1 to 99, got 100',
    { ...good, items: [{ id: 7, quantity: 100 }] },
  ],
  [
    'items[0].quantity: expected a whole number from 1 to 99, got 1.5',
    { ...good, items: [{ id: 7, quantity: 1.5 }] },
  ],
  [
    'items[0].quantity: expected a whole number from 1 to 99, got "2"',
    { ...good, items: [{ id: 7, quantity: '2' }] },
  ],
  [
    'items[0]: "price" is not known, expected id, quantity',
    { ...good, items: [{ id: 7, quantity: 2, price: 1 }] },
  ],
  ['customer: expected a whole number from 1, got "42"', { ...good, customer: '42' }],
  ['customer: expected a whole number from 1, got null', { ...good, customer: null }],
  ['district: expected a whole number from 1, got -1', { ...good, district: -1 }],
  ['the order: "customer" is missing', { district: 1, items: good.items }],
  ['the order: "note" is not known, expected district, customer, items', { ...good, note: 'x' }],
  [
    'the order: expected an object with district, customer, items, got [{"district":1,"customer":42,"items":[{…',
    [good],
  ],
  ['the order: expected an object with district, customer, items, got null', null],
])('%s', (reason, value) => {
  expect(parseOne(JSON.stringify(value))).toEqual({ line: 1, reason })
})

test('says what is no JSON', () => {
  expect(parseOne('{"district":1,')).toHaveProperty('reason', expect.stringMatching(/^not JSON: /))
})

test.each([
  ['{"district":1,"district":2,"customer":42,"items":[{"id":7,"quantity":2}]}', 'district'],
  ['{"district":1,"customer":42,"items":[{"id":7,"quantity":2,"quantity":3}]}', 'quantity'],
  [String.raw`{"district":1,"customer":42,"items":[{"id":7,"quantity":2}],"\u0069tems":[]}`, 'items'],
])('refuses a key that is there twice: %s', (line, key) => {
  expect(parseOne(line)).toEqual({ line: 1, reason: `"${key}" is there twice` })
})

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'order-desk-'))
})

afterAll(() => rm(folder, { recursive: true }))

test('reads a file', async () => {
  const file = join(folder, 'orders.jsonl')
  await writeFile(file, JSON.stringify(good))

  expect(await readOrders(file)).toEqual([{ line: 1, order: good }])
})

test.each([
  ['nowhere.jsonl', 'there is no such file'],
  ['.', 'it is a folder'],
])('tells in a line why it cannot read %s', async (name, why) => {
  const file = join(folder, name)

  await expect(readOrders(file)).rejects.toThrow(new OrdersFileError(`--orders: cannot read ${file}: ${why}`))
})
