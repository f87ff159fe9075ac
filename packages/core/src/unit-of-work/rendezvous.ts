/** Two parties that meet for each value: one goes on when the other has taken it. */

export interface Rendezvous<T> {
  /** Offers a value. Resolves when another one is wanted; with false, when none is any more. */
  give(value: T): Promise<boolean>
  /** What is given, until `giving` has ended; throws what it rejects with. Ending it early waits for `giving` to end. */
  take(giving: Promise<unknown>): AsyncGenerator<T, void, undefined>
}

interface Given<T> {
  readonly value: T
}

export function rendezvous<T>(): Rendezvous<T> {
  let given = offer<T>()
  let wanted = Promise.withResolvers<boolean>()
  return {
    async give(value) {
      wanted = Promise.withResolvers()
      given.resolve({ value })
      return wanted.promise
    },
    async *take(giving) {
      giving.then(
        () => given.resolve(undefined),
        (error: unknown) => given.reject(error),
      )
      try {
        for (let next = await given.promise; next !== undefined; next = await given.promise) {
          given = offer()
          yield next.value
          wanted.resolve(true)
        }
      } finally {
        wanted.resolve(false)
        await giving.catch(() => {})
      }
    },
  }
}

/** Whoever takes may be busy elsewhere when giving fails, and learns of it when back. */
function offer<T>(): PromiseWithResolvers<Given<T> | undefined> {
  const given = Promise.withResolvers<Given<T> | undefined>()
  given.promise.catch(() => {})
  return given
}
