import { UsageError } from '../errors/errors.ts'
import { Query } from './query.ts'

/**
 * A frozen set of functions that return queries, each labelled `name.function` in events and errors. Functions
 * that return a Kysely builder, for callers to narrow further, are kept as they are.
 */
export function defineRepository<const F extends Readonly<Record<string, (...args: never[]) => unknown>>>(
  name: string,
  functions: F,
): Readonly<F> {
  const labelled = Object.entries(functions).map(([key, make]) => [key, withLabel(`${name}.${key}`, make)])
  return Object.freeze(Object.fromEntries(labelled)) as Readonly<F>
}

function withLabel(label: string, make: (...args: never[]) => unknown): (...args: never[]) => unknown {
  return function (this: unknown, ...args) {
    const made = make.apply(this, args)
    if (made instanceof Promise) {
      throw new UsageError(`${label} returned a promise; repositories return queries and wait for nothing`)
    }
    return made instanceof Query ? made.named(label) : made
  }
}
