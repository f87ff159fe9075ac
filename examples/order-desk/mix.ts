import { setTimeout as sleep } from 'node:timers/promises'
import { type Query, StatementError, type StatementErrorKind, type UnitOfWork } from '@leasehold/core'
import { countFlights } from './count-flights.ts'
import { UnknownItem } from './errors.ts'
import type { NuRandConstants } from './generate/nurand.ts'
import { Random } from './generate/random.ts'
import {
  type Clerk,
  deliveryInput,
  newOrderInput,
  orderStatusInput,
  paymentInput,
  stockLevelInput,
} from './input.ts'
import { numbersTo, type Scale } from './scale.ts'
import { emptyTally, type Tally } from './statistics.ts'
import { delivery } from './transactions/delivery.ts'
import { newOrder } from './transactions/new-order.ts'
import { orderStatus } from './transactions/order-status.ts'
import { payment } from './transactions/payment.ts'
import { stockLevel } from './transactions/stock-level.ts'

export const TRANSACTION_NAMES = ['New-Order', 'Payment', 'Order-Status', 'Delivery', 'Stock-Level'] as const

export type TransactionName = (typeof TRANSACTION_NAMES)[number]

type Transaction = {
  /** Percent of the mix; clause 5.2.3 sets the least for all but New-Order. */
  readonly share: number
} & (
  | { readonly access: 'run'; readonly query: (clerk: Clerk) => Query<unknown> }
  | { readonly access: 'read'; readonly query: (clerk: Clerk) => Query<unknown, 'read'> }
)

const TRANSACTIONS: Readonly<Record<TransactionName, Transaction>> = {
  'New-Order': { share: 45, access: 'run', query: (clerk) => newOrder(newOrderInput(clerk)) },
  Payment: { share: 43, access: 'run', query: (clerk) => payment(paymentInput(clerk)) },
  'Order-Status': { share: 4, access: 'read', query: (clerk) => orderStatus(orderStatusInput(clerk)) },
  Delivery: { share: 4, access: 'run', query: (clerk) => delivery(deliveryInput(clerk)) },
  'Stock-Level': { share: 4, access: 'read', query: (clerk) => stockLevel(stockLevelInput(clerk)) },
}

export interface MixOptions {
  readonly scale: Scale
  readonly constants: NuRandConstants
  readonly seed: number
  readonly clients: number
  readonly seconds: number
  readonly signal?: AbortSignal
  readonly onProgress?: (fraction: number, ended: number) => void
}

export interface MixResult {
  /** How long it really took. */
  readonly seconds: number
  readonly tallies: Readonly<Record<TransactionName, Tally>>
  /** The first unit that failed for a reason of its own: something is wrong with the desk. */
  readonly firstFailure: unknown
}

/** Clients that run one transaction after the other, without the pauses for thinking of clause 5.2.5. */
export async function runMix(uow: UnitOfWork, options: MixOptions): Promise<MixResult> {
  const tallies = {
    'New-Order': emptyTally(),
    Payment: emptyTally(),
    'Order-Status': emptyTally(),
    Delivery: emptyTally(),
    'Stock-Level': emptyTally(),
  }
  const counting = countFlights(tallies)
  const start = performance.now()
  let ended = 0
  let firstFailure: unknown

  const client = async (number: number) => {
    const clerk = toClerk(number, options)
    for (;;) {
      const elapsed = (performance.now() - start) / 1000
      if (elapsed >= options.seconds || options.signal?.aborted === true) return
      options.onProgress?.(elapsed / options.seconds, ended)

      const name = pickTransaction(clerk.random)
      const failure = await runOnce(uow, name, clerk, tallies[name])
      ended += 1
      if (failure === undefined) continue
      firstFailure ??= failure.error
      // A server in trouble is not helped by being asked again at once.
      await sleep(100)
    }
  }

  try {
    await Promise.all(numbersTo(options.clients).map(client))
  } finally {
    counting.stop()
  }
  return { seconds: (performance.now() - start) / 1000, tallies, firstFailure }
}

function toClerk(client: number, { seed, scale, constants }: MixOptions): Clerk {
  return {
    random: new Random(seed, client),
    scale,
    constants,
    warehouse: ((client - 1) % scale.warehouses) + 1,
  }
}

export function pickTransaction(random: Random): TransactionName {
  let card = random.integer(1, 100)
  for (const name of TRANSACTION_NAMES) {
    card -= TRANSACTIONS[name].share
    if (card <= 0) return name
  }
  return 'New-Order'
}

async function runOnce(
  uow: UnitOfWork,
  name: TransactionName,
  clerk: Clerk,
  tally: Tally,
): Promise<{ readonly error: unknown } | undefined> {
  const attempt = attemptsAt(uow, name, clerk)
  const start = performance.now()
  try {
    await retryingConflicts(attempt, clerk.random, tally)
    tally.durations.push(performance.now() - start)
  } catch (error) {
    if (!(error instanceof UnknownItem)) {
      tally.failures += 1
      return { error }
    }
    tally.rolledBack += 1
  }
  return undefined
}

/** A query is a value: another attempt runs the same one. */
function attemptsAt(uow: UnitOfWork, label: TransactionName, clerk: Clerk): () => Promise<unknown> {
  const { access, query } = TRANSACTIONS[label]
  if (access === 'read') {
    const reading = query(clerk)
    return () => uow.read(reading, { label })
  }
  const running = query(clerk)
  return () => uow.run(running, { label })
}

const MAX_RETRIES = 5

const CONFLICTS = new Set<StatementErrorKind>(['deadlock', 'conflict'])

/**
 * Two units were in each other's way, and one of them is undone as a whole: by a deadlock, or because a row was newer
 * than its snapshot (as MariaDB has it since 11.6). It is run again as a whole, after a wait that parts the rivals.
 */
async function retryingConflicts(
  attempt: () => Promise<unknown>,
  random: Random,
  tally: Tally,
): Promise<void> {
  for (let retries = 0; ; retries += 1) {
    try {
      await attempt()
      return
    } catch (error) {
      const rivalled = error instanceof StatementError && CONFLICTS.has(error.kind)
      if (!rivalled || retries === MAX_RETRIES) throw error
      tally.retries += 1
      await sleep(random.integer(1, 10))
    }
  }
}
