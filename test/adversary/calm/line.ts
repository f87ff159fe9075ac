/** Where branches wait for their turn: strictly one after the other. */
import { setImmediate as turn } from 'node:timers/promises'
import { Mismatch } from './mismatch.ts'

interface Entry {
  /** Whether it may share a flight with what comes behind it; neither raw SQL nor an attempt may. */
  readonly plain: boolean
  /** What doesn't is refused before anything of its flight is sent. */
  readonly reads: boolean
  readonly run: () => Promise<unknown>
}

type Waiting = Entry & PromiseWithResolvers<unknown>

export class Line {
  readonly #waiting: Waiting[] = []
  /** How many of those that wait have been looked at as one flight. */
  #checked = 0

  join(entry: Entry): Promise<unknown> {
    const place = Promise.withResolvers<unknown>()
    // One that nobody comes to is forgotten with its line.
    place.promise.catch(() => {})
    this.#waiting.push({ ...entry, ...place })
    return place.promise
  }

  /** Serves those in the line until the work has ended. */
  async through<T>(work: Promise<T>): Promise<T> {
    const state = { ended: false }
    const settled = (): void => {
      state.ended = true
    }
    work.then(settled, settled)
    await turn()
    while (!state.ended) {
      if (this.#checked === 0) this.#checkFlight()
      const next = this.#waiting.shift()
      if (next === undefined) throw new Error('the program waits, and nothing is in the line')
      this.#checked -= 1
      try {
        next.resolve(await next.run())
      } catch (error) {
        next.reject(error)
      }
      // Whatever goes on with the result joins before the next one is served.
      await turn()
    }
    return work
  }

  #checkFlight(): void {
    const end = this.#waiting.findIndex(({ plain }) => !plain)
    const length = end === -1 ? this.#waiting.length : end + 1
    this.#checked = Math.max(1, length)
    const refused = this.#waiting.slice(0, length).find(({ reads }) => !reads)
    if (refused === undefined) return
    this.#waiting.splice(0, this.#waiting.length, {
      ...refused,
      run: () => Promise.reject(new Mismatch('UsageError')),
    })
    this.#checked = 1
  }
}
