/**
 * Queries that a unit made and that came to nothing, because somebody forgot `yield*` or `q`. In development they are told
 * by a process warning; elsewhere nothing is registered, and nothing is looked at.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Plan, Query, watchQueries } from '../query/query.ts'
import { foreignFrames } from '../errors/stack-trace.ts'
import { nameOf, type UnitIdentity } from '../errors/unit-identity.ts'

/** A query whose going missing would do harm. */
interface Made {
  readonly query: WeakRef<Query<unknown>>
  readonly name: string
  /** Its `stack`, which takes most of its time when it is first read, tells where the query was made. */
  readonly place: { readonly stack?: string }
  used: boolean
}

interface Unused extends Made {
  readonly unit: UnitIdentity
}

const units = new AsyncLocalStorage<Made[]>()
const made = new WeakMap<Query<unknown>, Made>()

/** Has queries watched from now on. */
export function watchForUnused(): void {
  watchQueries({ made: noteMade, used: noteUsed })
}

/** Runs one attempt at a unit; if it succeeds, what it made and nobody has used by its end is looked at. */
export async function tellingUnused<T extends { readonly outcome: string }>(
  unit: UnitIdentity,
  attempt: () => Promise<T>,
): Promise<T> {
  const own: Made[] = []
  const ended = await units.run(own, attempt)
  // What failed has left much undone.
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

/** Entries of a unit from which on those that were used are forgotten now and then. */
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

/** A read that nobody asks for is no harm; one may well be made in advance. */
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
  // From the caller of the constructor on, so that nothing here keeps the query itself.
  Error.captureStackTrace(place, Query)
  return place
}

let waiting: Unused[] = []
/** Places that were told of, or whose queries somebody keeps. */
const known = new Set<string>()

function look(own: readonly Made[], unit: UnitIdentity): void {
  const unused = own.filter(({ used, place }) => !used && !known.has(placeOf({ place })))
  if (unused.length === 0) return
  for (const each of unused) waiting.push({ ...each, unit })
  if (waiting.length === unused.length) void tell()
}

/** Only what nobody can reach any more has come to nothing; anything else may be kept for later. */
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
        `${name} was made in ${nameOf(unit)} and never run: yield* it, pass it to q, return it or leave it out`,
        { type: 'LeaseholdUnusedQueryWarning', detail: where },
      )
    }
    known.add(where)
  }
}

let gc: (() => void) | undefined

/** Whether it could be done: a runtime other than Node may not let us. */
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
