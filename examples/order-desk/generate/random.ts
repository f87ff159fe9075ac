/** A seedable generator (sfc32): the same seed gives the same data and input on every machine. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** Each path of numbers under a seed (a table, a district, a client) is a stream of its own. */
  constructor(seed: number, ...path: readonly number[]) {
    this.#a = seed | 0
    this.#b = 0x9e3779b9
    this.#c = 0x85ebca6b
    this.#warmUp()
    for (const step of path) {
      this.#a ^= step
      this.#warmUp()
    }
  }

  /** Uniform in 0 … 2³² − 1. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** Uniform, both ends included (clause 2.1.5). */
  integer(min: number, max: number): number {
    return min + Math.floor((this.next() / 2 ** 32) * (max - min + 1))
  }

  chance(percent: number): boolean {
    return this.integer(1, 100) <= percent
  }

  // Seeds are small numbers that differ in a few bits; a dozen rounds spread them over the whole state.
  #warmUp(): void {
    for (let round = 0; round < 12; round += 1) this.next()
  }
}
