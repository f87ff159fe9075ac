import { nextPayment } from '../data/desk.ts'
import { defineWorkload, everyRtt } from './workload.ts'

export const payment = defineWorkload({
  name: 'payment',
  title: 'TPC-C Payment: 7 statements',
  clients: 1,
  rtts: everyRtt,
  writes: true,
  checked: 10,
  input: nextPayment,
  unit: (peer) => peer.payment,
  facts: ({ customer, balance }) => [customer, balance],
})
