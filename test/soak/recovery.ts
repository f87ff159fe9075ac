import { percentile } from '../../examples/order-desk/statistics.ts'

/** How long it takes after a crash, from the server accepting logins, to the next unit that is committed. */
export class Recovery {
  readonly #times: number[] = []
  #crashes = 0
  #upSince: number | undefined

  serverIsUp(): void {
    this.#crashes += 1
    this.#upSince = performance.now()
  }

  unitCommitted(): void {
    if (this.#upSince === undefined) return
    this.#times.push(performance.now() - this.#upSince)
    this.#upSince = undefined
  }

  /** In milliseconds. */
  get summary() {
    const sorted = this.#times.toSorted((a, b) => a - b)
    return {
      crashes: this.#crashes,
      recovered: sorted.length,
      p50: Math.round(percentile(sorted, 50)),
      max: Math.round(percentile(sorted, 100)),
    }
  }
}
