/** A queue of waiters, first come, first served. Each leaves when served, timed out or aborted. */

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly onTimeout: () => Error
  readonly onAbort: () => Error
}

interface Waiter<T> {
  readonly leave: () => void
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

export class WaitQueue<T> {
  readonly #waiters = new Set<Waiter<T>>()

  get length(): number {
    return this.#waiters.size
  }

  join({ timeout, signal, onTimeout, onAbort }: WaitOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error): void => {
        waiter.leave()
        reject(error)
      }
      const abort = (): void => giveUp(onAbort())
      const timer = setTimeout(() => giveUp(onTimeout()), timeout)
      signal?.addEventListener('abort', abort, { once: true })
      const waiter: Waiter<T> = {
        resolve,
        reject,
        leave: () => {
          this.#waiters.delete(waiter)
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  /** Gives `value` to the first waiter; false if there is none. */
  serve(value: T): boolean {
    const [first] = this.#waiters
    first?.leave()
    first?.resolve(value)
    return first !== undefined
  }

  dismiss(error: Error): void {
    for (const waiter of this.#waiters) {
      waiter.leave()
      waiter.reject(error)
    }
  }
}
