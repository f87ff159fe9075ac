import { writeFile } from 'node:fs/promises'
import type { Alone } from './alone.ts'
import type { ConditionResult } from './consistency.ts'
import { type MixResult, TRANSACTION_NAMES } from './mix.ts'
import type { PlacedOrders } from './place-orders.ts'
import { type Summary, summarize } from './statistics.ts'

/** By name of the transaction, durations in milliseconds. */
export type Summaries = Readonly<Record<string, Summary>>

export interface Report {
  readonly server: string
  /** The measured round trip that `--rtt` added, in milliseconds. */
  readonly rtt: number
  readonly transactions: Summaries
  readonly serial: Summaries
  /** One client that places New-Orders; missing where nothing was measured, as there were orders to place. */
  readonly alone?: Alone
  readonly consistency: readonly Pick<ConditionResult, 'condition' | 'holds'>[]
  readonly orders?: PlacedOrders
}

export interface Figures extends Pick<Report, 'server' | 'rtt'> {
  readonly runs: {
    readonly inFlights: Summaries
    readonly serial: Summaries
    readonly alone: Alone | undefined
  }
  readonly conditions: readonly ConditionResult[]
  readonly orders: PlacedOrders | undefined
}

export function toReport({ server, rtt, runs, conditions, orders }: Figures): Report {
  return {
    server,
    rtt,
    transactions: runs.inFlights,
    serial: runs.serial,
    ...(runs.alone !== undefined && { alone: runs.alone }),
    consistency: conditions.map(({ condition, holds }) => ({ condition, holds })),
    ...(orders !== undefined && { orders }),
  }
}

export function summaries({ tallies, seconds }: MixResult): Summaries {
  return Object.fromEntries(TRANSACTION_NAMES.map((name) => [name, summarize(tallies[name], seconds)]))
}

export async function writeReport(file: string, report: Report): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`)
}
