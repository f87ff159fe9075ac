import { CommitUnknownError, type UnitOfWork } from '@leasehold/core'
import { formatCents } from './amounts.ts'
import type { OrderLine, WrittenOrder } from './orders-file.ts'
import { newOrder } from './transactions/new-order.ts'

export interface PlacedOrders {
  readonly placed: number
  readonly refused: readonly RefusedOrder[]
}

export interface RefusedOrder {
  readonly line: number
  readonly reason: string
}

/** A person's orders are for the first warehouse, and supplied by it. */
const WAREHOUSE = 1

export interface PlaceOptions {
  readonly signal?: AbortSignal
  readonly print?: (text: string) => void
}

/** Places each order as one unit, one after the other; an order that cannot be placed does not keep the others. */
export async function placeOrders(
  uow: UnitOfWork,
  lines: readonly OrderLine[],
  { signal, print = () => {} }: PlaceOptions = {},
): Promise<PlacedOrders> {
  let placed = 0
  const refused: RefusedOrder[] = []
  for (const line of lines) {
    const outcome = signal?.aborted === true ? { reason: 'stopped before its turn' } : await place(uow, line)
    if ('reason' in outcome) {
      refused.push({ line: line.line, reason: outcome.reason })
      print(`line ${line.line}: ✗ ${outcome.reason}`)
    } else {
      placed += 1
      print(`line ${line.line}: ✓ ${outcome.result}`)
    }
  }
  return { placed, refused }
}

async function place(uow: UnitOfWork, line: OrderLine): Promise<{ result: string } | { reason: string }> {
  if ('reason' in line) return line
  const { order } = line
  try {
    const { order: number, cents } = await uow.run(newOrder(toInput(order)), { label: 'New-Order' })
    return { result: `order ${number} of district ${order.district}, ${formatCents(cents)}` }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Placing it again could place it twice, so a person has to look.
    return {
      reason: error instanceof CommitUnknownError ? `nobody knows whether it is placed: ${message}` : message,
    }
  }
}

function toInput({ district, customer, items }: WrittenOrder) {
  return {
    warehouse: WAREHOUSE,
    district,
    customer,
    lines: items.map(({ id, quantity }) => ({ item: id, supplyWarehouse: WAREHOUSE, quantity })),
    enteredAt: new Date(),
  }
}
