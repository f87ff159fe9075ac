import type { Random } from '../../../examples/order-desk/generate/random.ts'
import type { Contact } from '../data/shop.ts'
import { anyUser } from './reads.ts'
import { defineWorkload, nearAndFar } from './workload.ts'

export const singleWrite = defineWorkload({
  name: 'single-write',
  title: 'One UPDATE',
  clients: 1,
  rtts: nearAndFar,
  writes: true,
  checked: 10,
  input: anyUser,
  unit: (peer) => peer.visit,
  facts: () => undefined,
})

export const import1000 = defineWorkload({
  name: 'import-1000',
  title: '1 000 rows into one table',
  clients: 1,
  rtts: nearAndFar,
  writes: true,
  checked: 2,
  input: nextContacts,
  unit: (peer) => peer.importContacts,
  facts: () => undefined,
})

let imported = 0

/** Keys go on where they were left, whichever run it is. */
function nextContacts(random: Random): readonly Contact[] {
  return Array.from({ length: 1_000 }, () => {
    const id = (imported += 1)
    return { id, name: `Contact ${id}`, email: `contact-${id}@example.com`, score: random.integer(0, 99) }
  })
}
