import { tracingChannel } from 'node:diagnostics_channel'
import type { FlightEvent } from '@leasehold/core'

export interface RecordedFlight {
  /** What travelled, by label or type of command, in order. */
  readonly labels: readonly string[]
  /** Milliseconds since the unit was started. */
  readonly startMs: number
  readonly durationMs: number
}

const flights = tracingChannel<'leasehold:flight', FlightEvent>('leasehold:flight')

/** Runs `work` and tells which flights the units of that label made meanwhile. */
export async function recordFlights(label: string, work: () => Promise<unknown>): Promise<RecordedFlight[]> {
  const began = performance.now()
  const startedAt = new Map<unknown, number>()
  const recorded: RecordedFlight[] = []
  // One object stands for a flight from its start to its end.
  const onStart = (message: unknown) => {
    startedAt.set(message, performance.now())
  }
  const onEnd = (message: unknown) => {
    const { unit, commands } = message as FlightEvent
    const start = startedAt.get(message)
    if (start === undefined || unit.label !== label) return
    recorded.push({
      labels: commands.map((command) => command.label ?? command.type),
      startMs: start - began,
      durationMs: performance.now() - start,
    })
  }
  flights.start.subscribe(onStart)
  flights.asyncEnd.subscribe(onEnd)
  try {
    await work()
  } finally {
    flights.start.unsubscribe(onStart)
    flights.asyncEnd.unsubscribe(onEnd)
  }
  return recorded
}
