import { nextOrder } from '../data/desk.ts'
import { defineWorkload, everyRtt, nearAndFar } from './workload.ts'

export const newOrder = defineWorkload({
  name: 'new-order',
  title: 'TPC-C New-Order of 5 to 15 lines, every statement by itself',
  clients: 1,
  rtts: everyRtt,
  writes: true,
  checked: 6,
  input: nextOrder,
  unit: (peer) => peer.newOrder,
  facts: ({ order, cents }) => [order, cents],
})

export const newOrderBatched = defineWorkload({
  name: 'new-order-batched',
  title: 'The same with lists of rows where the SQL allows for it',
  clients: 1,
  rtts: nearAndFar,
  writes: true,
  checked: 6,
  input: nextOrder,
  unit: (peer) => peer.newOrderBatched,
  facts: ({ order, cents }) => [order, cents],
})
