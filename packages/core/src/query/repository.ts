import { UsageError } from '../errors/errors.ts'
import { Query } from './query.ts'

/**
 * A frozen set of functions that return queries. Events and errors show each query under the label `name.function`. A
 * Kysely builder that a function returns stays as it is, so that callers can narrow it; it has no label.
 *
 * A function that returns a promise throws a {@link UsageError} when it is called.
 *
 * @example
 * ```ts
 * const people = defineRepository('people', {
 *   byName: (name: string) =>
 *     maybeOne(db.selectFrom('accounts').selectAll().where('name', '=', name)),
 *   rename: (id: number, name: string) =>
 *     affected(db.updateTable('accounts').set({ name }).where('id', '=', id), { exactly: 1 }),
 * })
 * await uow.run(people.rename(2, 'Eve')) // 1
 * const eve = await uow.read(people.byName('Eve')) // { id: 2, name: 'Eve', cents: 0 }
 * ```
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
      throw new UsageError(
        `${label} returned a promise, expected a query; make the function synchronous, and await before calling it`,
      )
    }
    return made instanceof Query ? made.named(label) : made
  }
}
