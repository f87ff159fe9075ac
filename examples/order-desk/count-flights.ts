import { tracingChannel } from 'node:diagnostics_channel'
import type { UnitEvent } from '@leasehold/core'
import type { Tally } from './statistics.ts'

const units = tracingChannel<'leasehold:unit', UnitEvent>('leasehold:unit')

/** Adds the flights of every unit that ends from now on to the tally of its label. */
export function countFlights(tallies: Readonly<Record<string, Tally>>): { stop(): void } {
  const count = (message: unknown) => {
    const { unit, flights } = message as UnitEvent
    const tally = tallies[unit.label ?? '']
    if (tally === undefined) return
    tally.flights += flights
    tally.attempts += 1
  }
  units.asyncEnd.subscribe(count)
  return {
    stop: () => {
      units.asyncEnd.unsubscribe(count)
    },
  }
}
