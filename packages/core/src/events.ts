/**
 * What can be observed: tracing channels of Node's `diagnostics_channel`, free of cost when nobody listens.
 * Subscribe with `tracingChannel('leasehold:unit').subscribe({ start, asyncEnd, error … })`; a payload is one
 * object from `start` to `asyncEnd`, filled in on the way.
 */
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { Command } from './driver.ts'
import type { StatementKind } from './statement/statement.ts'
import type { UnitIdentity } from './errors/unit-identity.ts'

/** Which function of the unit of work was called. */
export type UnitAccess = 'run' | 'read' | 'explain' | 'check' | 'sandbox'

/** `leasehold:unit`, from the call of `run`, `read` or another until its hooks have run. */
export interface UnitEvent {
  readonly unit: UnitIdentity
  readonly access: UnitAccess
  /** Round trips made so far, in all attempts. */
  flights: number
  /** Attempts begun: more than one if the unit was run again. */
  attempts: number
  /** Absent while it is open. */
  outcome?: UnitOutcome
}

export type UnitOutcome = 'committed' | 'rolled back' | 'unknown'

/** `leasehold:flight`, from the first byte written until the last answer. */
export interface FlightEvent {
  readonly unit: UnitIdentity
  /** Place among the flights of the unit, counted from 1. */
  readonly index: number
  readonly commands: readonly FlightCommand[]
}

export interface FlightCommand {
  readonly type: Command['type']
  /** Of statements only, or what looks at one, as all that follows. */
  readonly label?: string | undefined
  readonly kind?: StatementKind
  readonly sql?: string
}

/** `leasehold:lease`, from asking for a connection until it is given back. */
export interface LeaseEvent {
  readonly unit: UnitIdentity
  /** When the connection was had, on the clock of `performance.now()`. */
  acquiredAt?: number
  /** The server's id of the session. */
  connection?: number
  end?: 'released' | 'discarded'
}

const unitChannel: TracingChannel<unknown, UnitEvent> = tracingChannel('leasehold:unit')
const flightChannel: TracingChannel<unknown, FlightEvent> = tracingChannel('leasehold:flight')
const leaseChannel: TracingChannel<unknown, LeaseEvent> = tracingChannel('leasehold:lease')

/** Whether anybody listens, also where the runtime's channels don't tell that of the whole (Bun's). */
function isHeard<E extends object>(channel: TracingChannel<unknown, E>): boolean {
  const whole: boolean | undefined = channel.hasSubscribers
  if (whole !== undefined) return whole
  const { start, end, asyncStart, asyncEnd, error } = channel
  return [start, end, asyncStart, asyncEnd, error].some(({ hasSubscribers }) => hasSubscribers)
}

let flights = 0

/** Flights of the process so far, whether or not anybody listened. */
export function flightsSoFar(): number {
  return flights
}

export function traceUnit<T>(event: UnitEvent, work: () => Promise<T>): Promise<T> {
  return isHeard(unitChannel) ? unitChannel.tracePromise(work, event) : work()
}

export function traceFlight<T>(
  unit: UnitIdentity,
  index: number,
  commands: readonly Command[],
  work: () => Promise<T>,
): Promise<T> {
  flights += 1
  return isHeard(flightChannel) ? tracedFlight(unit, index, commands, work) : work()
}

async function tracedFlight<T>(
  unit: UnitIdentity,
  index: number,
  commands: readonly Command[],
  work: () => Promise<T>,
): Promise<T> {
  let answers: T | undefined
  // The channel puts what its promise gives on the payload, and rows are none of an observer's business.
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

/** A lease is no function call with a beginning and an end, so its span is held open by a promise. */
export function traceLease(unit: UnitIdentity): LeaseTrace {
  if (!isHeard(leaseChannel)) return untraced
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
