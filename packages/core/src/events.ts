/**
 * Events: tracing channels of Node's `diagnostics_channel`, free of cost without subscribers. Subscribe with
 * `tracingChannel('leasehold:unit').subscribe({ start, asyncEnd, error … })`. One payload object serves a span from `start`
 * to `asyncEnd`; its fields are filled in on the way.
 */
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { Command } from './driver.ts'
import type { StatementKind } from './statement/statement.ts'
import type { UnitIdentity } from './errors/unit-identity.ts'

/** The function of the unit of work that was called. */
export type UnitAccess = 'run' | 'read' | 'begin' | 'explain' | 'check' | 'sandbox'

/** `leasehold:unit`, from the call of `run`, `read` or another until its hooks have run. */
export interface UnitEvent {
  readonly unit: UnitIdentity
  readonly access: UnitAccess
  /** Round trips so far, in all attempts. */
  flights: number
  /** Attempts so far; more than one after a retry. */
  attempts: number
  /** Absent until the unit has ended. */
  outcome?: UnitOutcome
}

export type UnitOutcome = 'committed' | 'rolled back' | 'unknown'

/** `leasehold:flight`, from the first byte written until the last answer. */
export interface FlightEvent {
  readonly unit: UnitIdentity
  /** Number of the flight in its unit, from 1. */
  readonly index: number
  readonly commands: readonly FlightCommand[]
}

export interface FlightCommand {
  readonly type: Command['type']
  /** Label, kind and SQL are those of the statement; absent for transaction control. */
  readonly label?: string | undefined
  readonly kind?: StatementKind
  readonly sql?: string
}

/** `leasehold:lease`, from the request for a connection until its return. */
export interface LeaseEvent {
  readonly unit: UnitIdentity
  /** Time when the unit got the connection, as `performance.now()` gives it. */
  acquiredAt?: number
  /** The server's id of the session. */
  connection?: number
  end?: 'released' | 'discarded'
}

const unitChannel: TracingChannel<unknown, UnitEvent> = tracingChannel('leasehold:unit')
const flightChannel: TracingChannel<unknown, FlightEvent> = tracingChannel('leasehold:flight')
const leaseChannel: TracingChannel<unknown, LeaseEvent> = tracingChannel('leasehold:lease')

/** Bun's tracing channels lack `hasSubscribers`, so their single channels are asked. */
function hasSubscribers<E extends object>(channel: TracingChannel<unknown, E>): boolean {
  const any: boolean | undefined = channel.hasSubscribers
  if (any !== undefined) return any
  const { start, end, asyncStart, asyncEnd, error } = channel
  return [start, end, asyncStart, asyncEnd, error].some((each) => each.hasSubscribers)
}

let flights = 0

/** Number of flights of this process so far, with or without subscribers. */
export function flightsSoFar(): number {
  return flights
}

export function traceUnit<T>(event: UnitEvent, work: () => Promise<T>): Promise<T> {
  return hasSubscribers(unitChannel) ? unitChannel.tracePromise(work, event) : work()
}

export function traceFlight<T>(
  unit: UnitIdentity,
  index: number,
  commands: readonly Command[],
  work: () => Promise<T>,
): Promise<T> {
  flights += 1
  return hasSubscribers(flightChannel) ? tracedFlight(unit, index, commands, work) : work()
}

async function tracedFlight<T>(
  unit: UnitIdentity,
  index: number,
  commands: readonly Command[],
  work: () => Promise<T>,
): Promise<T> {
  let answers: T | undefined
  // tracePromise puts the promise's value on the payload, and rows must not reach subscribers.
  const span = async (): Promise<void> => {
    answers = await work()
  }
  await flightChannel.tracePromise(span, { unit, index, commands: commands.map(toFlightCommand) })
  return answers as T
}

function toFlightCommand(command: Command): FlightCommand {
  if (!('statement' in command)) return { type: command.type }
  const { type, label, statement } = command
  return { type, label, kind: statement.kind, sql: statement.sql }
}

export interface LeaseTrace {
  readonly acquired: (connection: number) => void
  readonly failed: (error: unknown) => void
  readonly ended: (end: LeaseEvent['end']) => void
}

const untraced: LeaseTrace = { acquired: () => {}, failed: () => {}, ended: () => {} }

/** tracePromise expects a function call, but a lease has none that lasts as long: a promise keeps its span open. */
export function traceLease(unit: UnitIdentity): LeaseTrace {
  if (!hasSubscribers(leaseChannel)) return untraced
  const span = Promise.withResolvers<void>()
  const event: LeaseEvent = { unit }
  leaseChannel.tracePromise(() => span.promise, event).catch(() => {})
  return {
    acquired(connection) {
      event.acquiredAt = performance.now()
      event.connection = connection
    },
    failed: span.reject,
    ended(end) {
      if (end !== undefined) event.end = end
      span.resolve()
    },
  }
}
