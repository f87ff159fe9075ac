/**
 * Reports queries that a unit built and never ran, for want of a `yield*` or `q`. In development each emits a process warning;
 * in production nothing is recorded.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Plan, Query, watchQueries } from '../query/query.ts'
import { foreignFrames } from '../errors/stack-trace.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/** A query whose absence would change the result of the unit. */
interface Made {
  readonly query: WeakRef<Query<unknown>>
  readonly name: string
  /** Its `stack` shows where the query was built. V8 formats it at the first read, which takes most of the time. */
  readonly place: { readonly stack?: string }
  used: boolean
}

interface Unused extends Made {
  readonly unit: UnitIdentity
}

const units = new AsyncLocalStorage<Made[]>()
const made = new WeakMap<Query<unknown>, Made>()

/** Records queries from now on. */
export function watchForUnused(): void {
  watchQueries({ made: noteMade, used: noteUsed })
}

/** Runs one attempt at a unit. If it succeeds, checks the queries that it built and did not use. */
export async function tellingUnused<T extends { readonly outcome: string }>(
  unit: UnitIdentity,
  attempt: () => Promise<T>,
): Promise<T> {
  const own: Made[] = []
  const ended = await units.run(own, attempt)
  // A failed attempt leaves queries unused as a matter of course.
  if (ended.outcome !== 'rolled back' && ended.outcome !== 'unknown') look(own, unit)
  return ended
}

function noteMade(query: Query<unknown>): void {
  const parts = partsOf(query['~plan'])
  for (const part of parts) noteUsed(part)
  const own = units.getStore()
  if (own === undefined) return
  const part = parts.map((each) => made.get(each)).find((each) => each !== undefined)
  if (part === undefined && !wouldBeMissed(query['~plan'])) return
  const entry = {
    query: new WeakRef(query),
    name: nameFor(query, part),
    place: part?.place ?? here(),
    used: false,
  }
  made.set(query, entry)
  own.push(entry)
  if (own.length >= MANY && Number.isInteger(Math.log2(own.length / MANY))) forgetUsed(own)
}

/** Number of entries of a unit from which used ones are dropped now and then. */
const MANY = 1_024

function forgetUsed(own: Made[]): void {
  const unused = own.filter(({ used }) => !used)
  own.splice(0, own.length, ...unused)
}

function noteUsed(query: Query<unknown>): void {
  const entry = made.get(query)
  if (entry !== undefined) entry.used = true
}

function partsOf(plan: Plan): readonly Query<unknown>[] {
  if ('source' in plan && plan.source instanceof Query) return [plan.source]
  return 'branches' in plan ? plan.branches.filter((branch) => branch instanceof Query) : []
}

/** An unused read changes nothing, and may be built in advance. */
function wouldBeMissed(plan: Plan): boolean {
  switch (plan.type) {
    case 'statement':
      return plan.statement.kind !== 'read'
    case 'program':
    case 'then':
    case 'each':
    case 'hook':
    case 'fail':
      return true
    default:
      return false
  }
}

function nameFor({ '~plan': plan }: Query<unknown>, part: Made | undefined): string {
  if (plan.type === 'label') return plan.label
  if (part !== undefined) return part.name
  return plan.type === 'statement' ? plan.statement.sql : `a query (${plan.type})`
}

function here(): Made['place'] {
  const place = {}
  // The stack begins at the caller of the constructor, so that its frames do not keep the query alive.
  Error.captureStackTrace(place, Query)
  return place
}

let waiting: Unused[] = []
/** Places that were reported, or whose queries are kept on purpose. */
const known = new Set<string>()

function look(own: readonly Made[], unit: UnitIdentity): void {
  const unused = own.filter(({ used, place }) => !used && !known.has(placeOf({ place })))
  if (unused.length === 0) return
  for (const each of unused) waiting.push({ ...each, unit })
  if (waiting.length === unused.length) void tell()
}

/** Reports unreachable queries only: a reachable one may still run later. */
async function tell(): Promise<void> {
  await turn()
  const unused = waiting
  waiting = []
  if (!collectGarbage()) return
  await turn()
  for (const { query, name, place, unit } of unused) {
    const where = placeOf({ place })
    if (query.deref() === undefined && !known.has(where)) {
      process.emitWarning(
        `${name} was built in ${nameOf(unit)} and never run: yield* it, pass it to q, return it or leave it out`,
        { type: 'LeaseholdUnusedQueryWarning', detail: where },
      )
    }
    known.add(where)
  }
}

let gc: (() => void) | undefined

/** Whether garbage was collected. Runtimes other than Node may not allow it. */
function collectGarbage(): boolean {
  try {
    if (gc === undefined) {
      setFlagsFromString('--expose-gc')
      gc = runInNewContext('gc') as () => void
    }
    gc()
    return true
  } catch {
    return false
  }
}

/** The stack without frames of Leasehold. */
function placeOf({ place }: Pick<Made, 'place'>): string {
  return foreignFrames(place.stack ?? '').join('\n')
}
