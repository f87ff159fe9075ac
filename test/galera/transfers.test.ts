import { setTimeout as sleep } from 'node:timers/promises'
import type { UnitOfWork } from '@leasehold/core'
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
    const nodes = [0, 1, 2]
    const units = nodes.map((node) =>
      galera.uow(node, { pool: { max: CLIENTS / nodes.length, maxLifetime: LIFETIME } }),
    )
    let transfers = 0
    async function client(uow: UnitOfWork, random: Random): Promise<void> {
      while (performance.now() < end) {
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
    const clients = units.flatMap((uow, node) =>
      Array.from({ length: CLIENTS / nodes.length }, (_, index) =>
        client(uow, new Random(seed, node * CLIENTS + index)),
      ),
    )
    await Promise.all(clients)

    for (const node of nodes) {
      expect(await book.discrepancies(galera, node)).toEqual(NONE)
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
