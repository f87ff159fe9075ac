/** Templates: builders that are compiled once and reused with other values. */
import type { Compilable, CompiledQuery } from 'kysely'
import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'
import type { SelectBuilder } from './query.ts'

/** The result of a template: it can be run, and passed to `one`, `many` and the like, but not extended. */
export type Filled<B> =
  B extends SelectBuilder<infer O> ? SelectBuilder<O> : B extends Compilable<infer O> ? Compilable<O> : never

/** Size of a template's cache: the SQL of the shapes of arguments used last. */
const SHAPES = 64
/** Calls with more values are not cached: their SQL is large, and compiling is a small part of their cost. */
const VALUES = 1_000
/** For each shape, the number of first calls that are compared with the SQL and parameters of `make`. */
const CHECKS = 8

/**
 * The function `make` with its SQL compiled once instead of at every call. It saves some microseconds per call, which
 * matter for statements that run very often.
 *
 * `make` receives placeholder objects in the place of numbers, strings, dates and bytes, and must pass them to the builder
 * unchanged. The SQL may depend on everything else: the length of lists, the keys of records, booleans and `null`.
 * Arguments with functions or class instances, and calls with more than 1 000 values, are compiled as usual.
 *
 * The returned function throws a {@link UsageError} when `make` computes with an argument. So it does when one of the
 * first calls differs from the SQL or parameters that `make` gives for the real values.
 *
 * @example
 * ```ts
 * const byName = template((name: string) =>
 *   db.selectFrom('accounts').select(['id', 'name']).where('name', '=', name),
 * )
 * const ann = await uow.read(one(byName('Ann'))) // { id: 1, name: 'Ann' }
 * const bob = await uow.read(one(byName('Bob'))) // { id: 2, name: 'Bob' }
 * ```
 */
export function template<A extends readonly unknown[], B extends Compilable>(
  make: (...args: A) => B,
): (...args: A) => Filled<B> {
  const learnt = new Map<string, Learnt>()
  return (...args) => {
    const values: unknown[] = []
    const shape = shapeOf(args, values)
    // An argument that is no plain data, such as an expression, may be part of the SQL.
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
  /** For each parameter, the position of its value among those of the call, or a constant that `make` wrote. */
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

/** Replaces a value while `make` builds the SQL to cache. */
class StandIn {
  readonly place: number

  constructor(place: number) {
    this.place = place
  }

  [Symbol.toPrimitive](): never {
    throw new UsageError(
      'template: an argument was computed with, but it is a placeholder for its value; compute the value before the call, and pass the result',
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

/** Everything of the argument that the SQL may depend on; adds the rest to `values`. `undefined` if it is no plain data. */
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
      `template: the SQL depends on the value of an argument: expected ${around(learnt.sql, made.sql)}, got ${around(made.sql, learnt.sql)}; make two ` +
        'templates, and choose between them outside',
    )
  }
  const differs = learnt.parameters.findIndex((value, index) => !Object.is(value, made.parameters[index]))
  if (differs === -1 && learnt.parameters.length === made.parameters.length) return
  throw new UsageError(
    `template: parameter ${differs + 1} of ${abridged(made.sql)} is not an unchanged argument; compute the value before the call, and pass it`,
  )
}

/** The part of `text` where it begins to differ from `other`. */
function around(text: string, other: string): string {
  let at = 0
  while (at < text.length && text[at] === other[at]) at += 1
  const from = Math.max(0, at - 40)
  return abridged(`${from === 0 ? '' : '…'}${text.slice(from)}`)
}
