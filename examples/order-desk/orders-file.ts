import { readFile } from 'node:fs/promises'
import { duplicateKey } from './duplicate-key.ts'

/** An order as a person writes it down. */
export interface WrittenOrder {
  readonly district: number
  readonly customer: number
  readonly items: readonly { readonly id: number; readonly quantity: number }[]
}

/** A line of the file, and what it says, or why it cannot be an order. */
export type OrderLine =
  | { readonly line: number; readonly order: WrittenOrder }
  | { readonly line: number; readonly reason: string }

/** The message is for the person who named the file. */
export class OrdersFileError extends Error {
  override readonly name = 'OrdersFileError'
}

export async function readOrders(file: string): Promise<OrderLine[]> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new OrdersFileError(`--orders: cannot read ${file}: ${whyUnreadable(error)}`)
  })
  return parseOrders(bytes.toString('utf8'))
}

function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'no permission to read it'
  return code === 'EISDIR' ? 'it is a folder' : message
}

/** One order a line; blank lines are skipped and still counted. */
export function parseOrders(text: string): OrderLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== '')
    .map(({ content, line }) => parseLine(content, line))
}

class Malformed extends Error {}

function parseLine(content: string, line: number): OrderLine {
  try {
    return { line, order: toOrder(parseJson(content)) }
  } catch (error) {
    if (error instanceof Malformed) return { line, reason: error.message }
    throw error
  }
}

function parseJson(content: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw new Malformed(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const twice = duplicateKey(content)
  if (twice !== undefined) throw new Malformed(`"${twice}" is there twice`)
  return value
}

function toOrder(value: unknown): WrittenOrder {
  const fields = fieldsOf(value, 'the order', ['district', 'customer', 'items'])
  const { items } = fields
  if (!Array.isArray(items)) throw new Malformed(`items: expected a list, got ${show(items)}`)
  if (items.length === 0) throw new Malformed('items: expected at least one, got none')
  // Clause 2.4.1.3: an order has at most fifteen lines.
  if (items.length > 15) throw new Malformed(`items: expected at most 15, got ${items.length}`)
  return {
    district: positive(fields['district'], 'district'),
    customer: positive(fields['customer'], 'customer'),
    items: items.map((item: unknown, index) => toItem(item, `items[${index}]`)),
  }
}

function toItem(value: unknown, name: string): WrittenOrder['items'][number] {
  const fields = fieldsOf(value, name, ['id', 'quantity'])
  return {
    id: positive(fields['id'], `${name}.id`),
    // OL_QUANTITY has two digits (clause 1.3.1).
    quantity: positive(fields['quantity'], `${name}.quantity`, 99),
  }
}

function fieldsOf(value: unknown, name: string, expected: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed(`${name}: expected an object with ${expected.join(', ')}, got ${show(value)}`)
  }
  const missing = expected.find((field) => !Object.hasOwn(value, field))
  if (missing !== undefined) throw new Malformed(`${name}: "${missing}" is missing`)
  const extra = Object.keys(value).find((field) => !expected.includes(field))
  if (extra !== undefined)
    throw new Malformed(`${name}: "${extra}" is not known, expected ${expected.join(', ')}`)
  return value as Record<string, unknown>
}

function positive(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? 'from 1' : `from 1 to ${max}`
  throw new Malformed(`${name}: expected a whole number ${range}, got ${show(value)}`)
}

function show(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
