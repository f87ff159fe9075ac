/** Records the flights of a piece of work, on any driver, for tests that count round trips or compare SQL. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { type FlightCommand, type FlightEvent, flightsSoFar } from '../events.ts'
import { assertFunction } from '../options/check-options.ts'

/** Commands that travelled together, in order. */
export type Flight = readonly Partial<Pick<FlightCommand, 'label' | 'sql' | 'type'>>[]

export interface Recording<T> {
  readonly value: T
  /** All flights of the units that `work` ran, in the order in which they were sent. */
  readonly flights: readonly (readonly FlightCommand[])[]
}

const { start } = tracingChannel<unknown, FlightEvent>('leasehold:flight')

/**
 * Runs `work` and records its flights; concurrent flights of other code are left out. Rejects with the error of `work`, and
 * with an `Error` if a flight, its own or another, had no event.
 *
 * @example
 * ```ts
 * const both = all([accounts.byId(1), accounts.byId(2)])
 * const { value, flights } = await recordFlights(() => uow.read(both))
 * console.log(value.map(({ name }) => name)) // [ 'Ann', 'Bob' ]
 * console.log(flights.length) // 1
 * ```
 */
export async function recordFlights<T>(work: () => Promise<T>): Promise<Recording<T>> {
  const own = new AsyncLocalStorage<true>()
  const flights: (readonly FlightCommand[])[] = []
  const before = flightsSoFar()
  let observed = 0
  const record = (event: unknown): void => {
    observed += 1
    if (own.getStore() === true) flights.push((event as FlightEvent).commands)
  }
  start.subscribe(record)
  try {
    const value = await own.run(true, work)
    const missing = flightsSoFar() - before - observed
    if (missing === 0) return { value, flights }
    throw new Error(
      `expected an event for each flight, got none for ${missing}: the runtime must support the tracing channels of ` +
        'node:diagnostics_channel',
    )
  } finally {
    start.unsubscribe(record)
  }
}

/**
 * Runs `work` and resolves with its result. Rejects with an `Error` that lists the flights if they exceed `limit`.
 *
 * @example
 * ```ts
 * const both = all([accounts.byId(1), accounts.byId(2)])
 * const [ann, bob] = await atMostFlights(1, () => uow.read(both))
 * ```
 */
export async function atMostFlights<T>(limit: number, work: () => Promise<T>): Promise<T> {
  assertFunction('atMostFlights', work, 'atMostFlights(1, () => uow.read(query))')
  const { value, flights } = await recordFlights(work)
  if (flights.length <= limit) return value
  throw new Error(`expected at most ${limit} flights, got ${flights.length}:\n${flightsText(flights)}`)
}

/**
 * Formats flights for a snapshot: one line per command, without values.
 *
 * @example
 * ```ts
 * const { flights } = await recordFlights(() => uow.read(accounts.find(1)))
 * const lines = flightsText(flights).split('\n')
 * console.log(lines) // [ 'flight 1', '  accounts.find: select * from `accounts` where `id` = ?' ]
 * ```
 */
export function flightsText(flights: readonly Flight[]): string {
  return flights
    .map((flight, index) =>
      [`flight ${index + 1}`, ...flight.map((command) => `  ${lineOf(command)}`)].join('\n'),
    )
    .join('\n')
}

function lineOf({ type, label, sql }: Flight[number]): string {
  return [label, sql ?? type].filter((part) => part !== undefined).join(': ')
}
