/** Two parties that meet for each value: one goes on when the other has taken it. */

export interface HandOver<T> {
  /** Offers a value. Resolves when another one is wanted; with false, when none is any more. */
  give(value: T): Promise<boolean>
  /** What is given, until `giving` has ended; throws what it rejects with. Ending it early waits for `giving` to end. */
  take(giving: Promise<unknown>): AsyncGenerator<T, void, undefined>
}

export function handOver<T>(): HandOver<T> {
  let given = Promise.withResolvers<{ readonly value: T } | undefined>()
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
          given = Promise.withResolvers()
          yield next.value
          wanted.resolve(true)
        }
      } finally {
        wanted.resolve(false)
        given.promise.catch(() => {})
        await giving.catch(() => {})
      }
    },
  }
}
