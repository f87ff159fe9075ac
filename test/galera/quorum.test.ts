import { setTimeout as sleep } from 'node:timers/promises'
import { StatementError } from '@leasehold/core'
import { beforeAll, expect, test } from 'vitest'
import { ACCOUNTS, UNTOUCHED, useGalera } from './support/galera-fixture.ts'
import { Book, halvesTable, NONE, stateOfTransfers, transfer } from './support/transfers.ts'

const ROUNDS = 2
const CLIENTS = 8
const PATIENCE = 90_000
const TOTAL = Object.values(UNTOUCHED).reduce((sum, cents) => sum + cents, 0)
/** What a node that is not among the majority says to any work. */
const NOT_READY = 1_047

const galera = useGalera({ size: 3, suspectAfter: 1_000 })
beforeAll(async () => {
  await galera.rows(0, halvesTable)
})

const keyOf = (id: number): string => `transfer ${id}`

test(
  'a node that loses the others has no unit told failed that they have, and keys settle what is unknown',
  async () => {
    const uow = galera.uow(0)
    const [first, ...others] = galera.nodes
    const book = new Book()
    const unknown: number[] = []
    const keyed = new Set<number>()
    let transfers = 0
    // Every other client has keys for its units; both kinds are to have COMMITs on their way.
    async function client(index: number, end: AbortSignal): Promise<void> {
      while (!end.aborted) {
        const id = ++transfers
        const [from, to] = [1 + (id % ACCOUNTS), 1 + ((id + 7) % ACCOUNTS)]
        if (index % 2 === 0) keyed.add(id)
        const options = { timeout: 10_000, ...(keyed.has(id) && { outcomeKey: keyOf(id) }) }
        await book.note(id, uow.run(transfer({ id, from, to, cents: 1 }), options))
        if (book.failed.has(id)) await sleep(20)
      }
    }

    for (let round = 0; round < ROUNDS; round++) {
      const end = new AbortController()
      const unknownBefore = book.unknown.size
      const clients = Array.from({ length: CLIENTS }, (_, index) => client(index, end.signal))
      await sleep(500)
      await Promise.all(others.map((node) => node.freeze()))
      await first?.alone()
      await sleep(500)
      end.abort()
      await Promise.all(others.map((node) => node.thaw()))
      await Promise.all(clients)
      await Promise.all(galera.nodes.map((node) => node.synced(galera.nodes.length)))
      unknown.push(book.unknown.size - unknownBefore)
    }

    for (const node of galera.nodes.keys()) {
      expect(await book.discrepancies(galera, node)).toEqual(NONE)
      const balances = Object.values(await galera.balances(node))
      expect(balances.reduce((sum, cents) => sum + cents, 0)).toBe(TOTAL)
    }
    // Without an answer to COMMIT that tells nothing, nothing was tested.
    for (const count of unknown) expect(count).toBeGreaterThan(0)
    const stateOf = await stateOfTransfers(galera, 0)
    for (const id of book.unknown.keys()) {
      expect(await uow.outcome(keyOf(id))).toBe(keyed.has(id) && stateOf(id) === 'whole')
    }
    // What was begun or ended after the loss was refused, and each refusal is told as that.
    const refusals = [...book.failed.values()].filter(
      (error) => error instanceof StatementError && error.errno === NOT_READY,
    )
    expect(new Set(refusals.map((error) => (error as StatementError).kind))).toEqual(new Set(['not-ready']))
  },
  PATIENCE,
)
