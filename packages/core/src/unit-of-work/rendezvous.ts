/** Hands values over one at a time: the giver waits until the taker wants the next one. */

export interface Rendezvous<T> {
  /** Offers a value. Resolves with true when the taker wants another one, with false when it has stopped. */
  give(value: T): Promise<boolean>
  /** Yields the values until `giving` has settled, and throws its rejection. Leaving the loop early waits for `giving`. */
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

/** The taker may be busy when the giver fails, and receives the failure with its next value. */
function offer<T>(): PromiseWithResolvers<Given<T> | undefined> {
  const given = Promise.withResolvers<Given<T> | undefined>()
  given.promise.catch(() => {})
  return given
}
