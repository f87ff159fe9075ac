/**
 * Stack traces that lead to the caller. Most of our errors are made where an answer is read, far from the code that asked;
 * but the engine knows who awaits it, so that the lines of the callers are found when something has failed, and cost
 * nothing before.
 */
import { fileURLToPath } from 'node:url'
import { LeaseholdError } from './errors.ts'

/** Frames that are looked through for those of callers, since many are our own. */
const DEPTH = 100

/** Places inside of a unit that an error is led through: where many wait for it, or programs are piled up, each costs time. */
const PLACES = 10

interface Trace {
  readonly head: string
  /** The frames of the code that the error has passed, the innermost first. */
  readonly callers: string[]
  /** How often it was led to a place inside of a unit. */
  places: number
  /** Our own and the runtime's, where it was made. */
  readonly origin: readonly string[]
}

const traces = new WeakMap<LeaseholdError, Trace>()

/** The same for code inside of a unit. */
export function leadToPlace<E>(error: E): E {
  const trace = traceOf(error)
  if (trace === undefined || trace.places >= PLACES) return error
  trace.places += 1
  return leadToCaller(error)
}

/** Adds the frames of those who called this, or await what does, to the stack of an error of ours; gives `error`. */
export function leadToCaller<E>(error: E): E {
  const { stackTraceLimit } = Error
  const trace = traceOf(error)
  if (trace === undefined || !(stackTraceLimit > 0)) return error
  const { head, callers, origin } = trace
  const found = callersHere(stackTraceLimit).filter((frame) => !callers.includes(frame))
  callers.push(...found.slice(0, stackTraceLimit))
  Object.assign(error as object, { stack: [head, ...callers, ...origin].join('\n') })
  return error
}

function traceOf(error: unknown): Trace | undefined {
  if (!(error instanceof LeaseholdError)) return undefined
  const trace = traces.get(error) ?? newTrace(error)
  if (trace !== undefined) traces.set(error, trace)
  return trace
}

/** Absent where the stack has the format of somebody else, who keeps it. */
function newTrace({ stack }: LeaseholdError): Trace | undefined {
  if (typeof stack !== 'string') return undefined
  const lines = stack.split('\n')
  const first = lines.findIndex(isFrame)
  const [head, frames] = first === -1 ? [lines, []] : [lines.slice(0, first), lines.slice(first)]
  const isCaller = (frame: string): boolean =>
    OWN.length > 0 && isForeign(frame) && !frame.includes('node_modules')
  return {
    head: head.join('\n'),
    callers: frames.filter(isCaller),
    places: 0,
    origin: frames.filter((frame) => !isCaller(frame)),
  }
}

function callersHere(stackTraceLimit: number): readonly string[] {
  const trace: { readonly stack?: unknown } = {}
  // Where it must not be changed, this changes nothing.
  Reflect.set(Error, 'stackTraceLimit', DEPTH)
  Error.captureStackTrace(trace, callersHere)
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return typeof trace.stack === 'string' ? foreignFrames(trace.stack) : []
}

/** The frames of a stack that are not Leasehold's, nor the runtime's. */
export function foreignFrames(stack: string): readonly string[] {
  return stack.split('\n').filter((line) => isFrame(line) && isForeign(line))
}

function isFrame(line: string): boolean {
  return /^\s+at /u.test(line)
}

function isForeign(frame: string): boolean {
  return !RUNTIME.test(frame) && !OWN.some((folder) => frame.includes(folder))
}

/** Frames of the runtime, and those that have no place, as that of `Promise.all`. */
const RUNTIME = /\((?:node:|native:|<anonymous>|index )|at (?:async )?node:/u

/** Where Leasehold's own files are, as stacks say it; not known where they are bundled with those of others. */
const OWN = ownFolders((import.meta as Partial<ImportMeta>).url)

function ownFolders(url: string | undefined): readonly string[] {
  if (url === undefined || !/\/stack-trace\.[jt]s$/u.test(url)) return []
  const folders = [new URL('..', url), new URL('../../../mysql/', url)]
  return ['/@leasehold/', ...folders.flatMap((folder) => [folder.href, fileURLToPath(folder)])]
}
