/**
 * Stack traces that lead to the caller. Most errors are created where an answer is read, far from the calling code. V8's
 * async stack traces know the awaiting functions, so the callers' frames are collected only after a failure.
 */
import { fileURLToPath } from 'node:url'
import { LeaseholdError } from './errors.ts'

/** Frames to search for callers; many of them are Leasehold's own. */
const MAX_FRAMES = 100

/** Places inside of a unit that add frames to one error: each takes time, and deep programs have thousands. */
const MAX_PLACES = 10

interface Trace {
  readonly head: string
  /** Frames of the caller's code that the error has passed, innermost first. */
  readonly callers: string[]
  /** Places inside of a unit that have added frames. */
  places: number
  /** Frames of Leasehold and the runtime, where the error was created. */
  readonly origin: readonly string[]
}

const traces = new WeakMap<LeaseholdError, Trace>()

/** {@link leadToCaller} for code inside of a unit, a bounded number of times per error. */
export function leadToPlace<E>(error: E): E {
  const trace = traceOf(error)
  if (trace === undefined || trace.places >= MAX_PLACES) return error
  trace.places += 1
  return leadToCaller(error)
}

/**
 * Adds the frames of the caller, and of the functions that await it, to the stack of a {@link LeaseholdError}. Returns
 * `error`; any other value is returned unchanged.
 */
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

/** Absent if `Error.prepareStackTrace` was replaced: the stack then has an unknown format and stays unchanged. */
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
  // Unlike an assignment, this does not throw if the property is frozen.
  Reflect.set(Error, 'stackTraceLimit', MAX_FRAMES)
  Error.captureStackTrace(trace, callersHere)
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return typeof trace.stack === 'string' ? foreignFrames(trace.stack) : []
}

/** The frames of a stack without those of Leasehold and the runtime. */
export function foreignFrames(stack: string): readonly string[] {
  return stack.split('\n').filter((line) => isFrame(line) && isForeign(line))
}

function isFrame(line: string): boolean {
  return /^\s+at /u.test(line)
}

function isForeign(frame: string): boolean {
  return !RUNTIME.test(frame) && !OWN.some((folder) => frame.includes(folder))
}

/** Frames of the runtime, and frames without a place, such as that of `Promise.all`. */
const RUNTIME = /\((?:node:|native:|<anonymous>|index )|at (?:async )?node:/u

/** Folders of Leasehold's files, as they appear in stacks; empty in a bundle, where files are mixed. */
const OWN = ownFolders((import.meta as Partial<ImportMeta>).url)

function ownFolders(url: string | undefined): readonly string[] {
  if (url === undefined || !/\/stack-trace\.[jt]s$/u.test(url)) return []
  const folders = [new URL('..', url), new URL('../../../mysql/', url)]
  return ['/@leasehold/', ...folders.flatMap((folder) => [folder.href, fileURLToPath(folder)])]
}
