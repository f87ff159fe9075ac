/** Builders that are built and compiled once, and then only given other values. */
import type { Compilable, CompiledQuery } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'
import type { SelectBuilder } from './query.ts'

/** What a template gives: it can be run, and shaped by `one` and its like, but not built on. */
export type Filled<B> =
  B extends SelectBuilder<infer O> ? SelectBuilder<O> : B extends Compilable<infer O> ? Compilable<O> : never

/** Shapes of arguments that a template keeps the SQL of, the ones used last. */
const SHAPES = 64
/** Values of one call beyond which Kysely's share is small, and the SQL large. */
const VALUES = 1_000
/** Calls, the first ones with each shape, that are compared with what `make` gives. */
const CHECKS = 8

/**
 * The same function, which builds and compiles its SQL once instead of at every call: for statements that are run so
 * often that Kysely's share is to be felt (some microseconds each).
 *
 * `make` is called with stand-ins for the numbers, strings, dates and bytes in its arguments, which it must pass on to the
 * builder as they are; what it does otherwise depend on may be the length of lists, the keys of records, booleans and
 * `null`. The first calls are compared with what `make` gives by itself: a difference is a {@link UsageError}.
 */
export function template<A extends readonly unknown[], B extends Compilable>(
  make: (...args: A) => B,
): (...args: A) => Filled<B> {
  const learnt = new Map<string, Learnt>()
  return (...args) => {
    const values: unknown[] = []
    const shape = shapeOf(args, values)
    // What is no plain data may be part of the SQL.
    if (shape === undefined || values.length > VALUES) return make(...args) as unknown as Filled<B>
    const known = learnt.get(shape) ?? learn(make, args)
    learnt.delete(shape)
    learnt.set(shape, known)
    if (learnt.size > SHAPES) learnt.delete(learnt.keys().next().value ?? shape)
    const filled = new FilledTemplate(known, values)
    if (known.checks < CHECKS) {
      known.checks += 1
      assertEqual(filled.compile(), make(...args).compile())
    }
    return filled as unknown as Filled<B>
  }
}

interface Learnt {
  readonly compiled: CompiledQuery
  /** For each parameter the place of its value, or the parameter itself where `make` has put it there. */
  readonly slots: readonly (StandIn | { readonly constant: unknown })[]
  checks: number
}

function learn<A extends readonly unknown[]>(make: (...args: A) => Compilable, args: A): Learnt {
  const counter = { next: 0 }
  const compiled = make(...(args.map((arg) => standInFor(arg, counter)) as unknown as A)).compile()
  const slots = compiled.parameters.map((parameter) =>
    parameter instanceof StandIn ? parameter : { constant: parameter },
  )
  return { compiled, slots, checks: 0 }
}

class FilledTemplate implements Compilable {
  readonly #learnt: Learnt
  readonly #values: readonly unknown[]

  constructor(learnt: Learnt, values: readonly unknown[]) {
    this.#learnt = learnt
    this.#values = values
  }

  compile(): CompiledQuery {
    const { compiled, slots } = this.#learnt
    const parameters = slots.map((slot) =>
      slot instanceof StandIn ? this.#values[slot.place] : slot.constant,
    )
    return { ...compiled, parameters }
  }
}

/** What is in the place of a value when the SQL is learnt. */
class StandIn {
  readonly place: number

  constructor(place: number) {
    this.place = place
  }

  [Symbol.toPrimitive](): never {
    throw new UsageError(
      'template: an argument was computed with, but only stands for its values: compute before, and pass the results',
    )
  }
}

function standInFor(arg: unknown, counter: { next: number }): unknown {
  if (arg === null || arg === undefined || typeof arg === 'boolean') return arg
  if (Array.isArray(arg)) return arg.map((item) => standInFor(item, counter))
  if (isRecord(arg)) {
    return Object.fromEntries(Object.entries(arg).map(([key, value]) => [key, standInFor(value, counter)]))
  }
  const standIn = new StandIn(counter.next)
  counter.next += 1
  return standIn
}

/** All that the SQL may depend on; the rest goes to `values`. `undefined` for what is no plain data. */
function shapeOf(arg: unknown, values: unknown[]): string | undefined {
  if (arg === null || arg === undefined || typeof arg === 'boolean') return String(arg)
  if (Array.isArray(arg)) return joined('[', arg, '', values)
  if (isRecord(arg)) return joined('{', Object.values(arg), Object.keys(arg).join('\0'), values)
  if (typeof arg === 'function' || typeof arg === 'symbol') return undefined
  if (typeof arg === 'object' && !(arg instanceof Date) && !(arg instanceof Uint8Array)) return undefined
  values.push(arg)
  return '?'
}

function joined(
  kind: '[' | '{',
  parts: readonly unknown[],
  keys: string,
  values: unknown[],
): string | undefined {
  let shape = `${kind}${keys.length}:${keys}`
  for (const item of parts) {
    const part = shapeOf(item, values)
    if (part === undefined) return undefined
    shape += `${part},`
  }
  return `${shape}]`
}

function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function assertEqual(learnt: CompiledQuery, made: CompiledQuery): void {
  if (learnt.sql !== made.sql) {
    throw new UsageError(
      `template: the SQL depends on the value of an argument: expected ${around(learnt.sql, made.sql)}, got ${around(made.sql, learnt.sql)}; decide outside, ` +
        'between two templates',
    )
  }
  const differs = learnt.parameters.findIndex((value, index) => !Object.is(value, made.parameters[index]))
  if (differs === -1 && learnt.parameters.length === made.parameters.length) return
  throw new UsageError(
    `template: parameter ${differs + 1} of ${abridged(made.sql)} is no argument as it was passed: compute it before, and pass it`,
  )
}

/** The part of a text where it begins to differ from another. */
function around(text: string, other: string): string {
  let at = 0
  while (at < text.length && text[at] === other[at]) at += 1
  const from = Math.max(0, at - 40)
  return abridged(`${from === 0 ? '' : '…'}${text.slice(from)}`)
}
