import { setTimeout as sleep } from 'node:timers/promises'
import { testSeed } from '@leasehold/test-support/test-seed'
import { beforeAll, expect, test } from 'vitest'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { ACCOUNTS, UNTOUCHED, useGalera } from './support/galera-fixture.ts'
import { Book, halvesTable, NONE, transfer } from './support/transfers.ts'

/** For longer by hand: LEASEHOLD_GALERA_SECONDS=60 */
const SECONDS = Number(process.env['LEASEHOLD_GALERA_SECONDS'] ?? 15)
const CLIENTS = 24
/** Milliseconds. Sessions that live so briefly have much to prepare, which conflicts can come between. */
const LIFETIME = 300
/** What all nodes together replicate, and a deadline of its own. */
const PATIENCE = 60_000
const TOTAL = Object.values(UNTOUCHED).reduce((sum, cents) => sum + cents, 0)

const galera = useGalera({ size: 3 })
beforeAll(async () => {
  await galera.rows(0, halvesTable)
})

test(
  'transfers on three nodes at once are there whole or not at all, as told, and no money is made',
  async () => {
    const seed = testSeed()
    const book = new Book()
    const end = performance.now() + SECONDS * 1_000
    const nodes = [0, 1, 2].map((node) =>
      galera.uow(node, { pool: { max: CLIENTS / 3, maxLifetime: LIFETIME } }),
    )
    let transfers = 0
    async function client(index: number): Promise<void> {
      const random = new Random(seed, index)
      const uow = nodes[index % nodes.length]
      while (performance.now() < end && uow !== undefined) {
        const from = random.integer(1, ACCOUNTS)
        const to = 1 + ((from + random.integer(0, ACCOUNTS - 2)) % ACCOUNTS)
        const id = ++transfers
        await book.note(
          id,
          uow.run(transfer({ id, from, to, cents: random.integer(1, 9) }), { timeout: 10_000 }),
        )
        // After a failure of all, others are to have the processor as well.
        if (book.failed.has(id)) await sleep(1)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)))

    for (const node of nodes.keys()) {
      expect(await book.discrepancies(galera, node), book.summary).toEqual(NONE)
      const balances = Object.values(await galera.balances(node))
      expect(balances.reduce((sum, cents) => sum + cents, 0)).toBe(TOTAL)
    }
    expect(book.committed.length).toBeGreaterThan(0)
    // Without conflicts, nothing was tested.
    expect(await galera.conflicts(0)).toBeGreaterThan(0)
    if (process.env['LEASEHOLD_GALERA_SECONDS'] !== undefined) console.log(book.summary)
  },
  SECONDS * 1_000 + PATIENCE,
)
