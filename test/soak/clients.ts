import { setTimeout as sleep } from 'node:timers/promises'
import type { UnitOfWork } from '@leasehold/core'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { pickTransaction } from '../../examples/order-desk/mix.ts'
import { numbersTo } from '../../examples/order-desk/scale.ts'
import { input } from './desk.ts'
import { within } from './patience.ts'
import { countFailure, emptyTallies, type Tallies } from './tally.ts'
import { transactions } from './transactions.ts'

/** What a unit may take, waiting and retries included: longer than the server is away. */
const unitTimeoutMs = 20_000
/** A server in trouble is not helped by being asked again at once. */
const pauseAfterFailureMs = 100

export interface ClientsOptions {
  readonly count: number
  /** Of what they choose to do. */
  readonly seed: number
  readonly onCommitted: () => void
}

/** Clients that run one transaction after the other until they are told to stop. */
export class Clients {
  readonly tallies: Tallies = emptyTallies()
  readonly #uow: UnitOfWork
  readonly #onCommitted: () => void
  readonly #underWay = new Map<number, { readonly name: string; readonly since: number }>()
  readonly #ended: Promise<unknown>
  #stopping = false

  constructor(uow: UnitOfWork, { count, seed, onCommitted }: ClientsOptions) {
    this.#uow = uow
    this.#onCommitted = onCommitted
    this.#ended = Promise.all(numbersTo(count).map((client) => this.#work(client, new Random(seed, client))))
  }

  /** Lets every client end what it is doing, and tells of those who had not after twice the time a unit may take. */
  async stop(): Promise<string[]> {
    this.#stopping = true
    await within(2 * unitTimeoutMs, this.#ended)
    return [...this.#underWay].map(([client, { name, since }]) => {
      const seconds = ((performance.now() - since) / 1000).toFixed(1)
      return `client ${client} in ${name} for ${seconds} s`
    })
  }

  async #work(client: number, random: Random): Promise<void> {
    const { scale, constants } = input
    const clerk = { random, scale, constants, warehouse: ((client - 1) % scale.warehouses) + 1 }
    while (!this.#stopping) {
      const name = pickTransaction(random)
      const { access, query } = transactions[name]
      this.#underWay.set(client, { name, since: performance.now() })
      try {
        const options = { label: name, timeout: unitTimeoutMs }
        await (access === 'read'
          ? this.#uow.read(query(clerk), options)
          : this.#uow.run(query(clerk), options))
        this.tallies[name].committed += 1
        this.#onCommitted()
      } catch (error) {
        countFailure(this.tallies[name], error)
        await sleep(pauseAfterFailureMs)
      } finally {
        this.#underWay.delete(client)
      }
    }
  }
}
