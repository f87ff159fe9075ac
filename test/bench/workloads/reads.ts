import type { Random } from '../../../examples/order-desk/generate/random.ts'
import { type User, users } from '../data/shop.ts'
import { defineWorkload, everyRtt, nearAndFar } from './workload.ts'

export const anyUser = (random: Random) => random.integer(1, users)

const anyUsers = (count: number) => (random: Random) => Array.from({ length: count }, () => anyUser(random))

const factsOf = ({ id, name, email, visits }: User) => [id, name, email, visits]

export const pageRead = defineWorkload({
  name: 'page-read',
  title: 'A user, 20 purchases, their 60 lines',
  clients: 1,
  rtts: everyRtt,
  writes: false,
  checked: 10,
  input: anyUser,
  unit: (peer) => peer.page,
  facts: ({ name, purchases }) => [
    name,
    purchases.map(({ id, cents, lines }) => [id, cents, lines.map((line) => [line.product, line.quantity])]),
  ],
})

export const pointRead = defineWorkload({
  name: 'point-read',
  title: 'A row by its key',
  clients: 1,
  rtts: nearAndFar,
  writes: false,
  checked: 10,
  input: anyUser,
  unit: (peer) => peer.user,
  facts: factsOf,
})

export const pointReads10 = defineWorkload({
  name: 'point-reads-10',
  title: 'Ten rows by their keys, in one transaction',
  clients: 1,
  rtts: nearAndFar,
  writes: false,
  checked: 10,
  input: anyUsers(10),
  unit: (peer) => peer.users,
  facts: (users) => users.map(factsOf),
})

/** How the costs of a unit grow with its statements. */
export const unitsOfN = [10, 100, 1_000, 10_000].map((count) =>
  defineWorkload({
    name: `unit-of-${count}`,
    title: `${count} reads in one unit`,
    clients: 1,
    rtts: nearAndFar,
    writes: false,
    checked: count > 100 ? 1 : 5,
    input: anyUsers(count),
    unit: (peer) => peer.manyReads,
    facts: (count) => count,
  }),
)
