import { anyUser } from './reads.ts'
import { defineWorkload, nearAndFar } from './workload.ts'

const crowd = (name: string, clients: number) =>
  defineWorkload({
    name,
    title: `A read and a write in one transaction, ${clients} units at a time on 10 connections`,
    clients,
    rtts: nearAndFar,
    writes: true,
    checked: 10,
    input: anyUser,
    unit: (peer) => peer.readAndVisit,
    facts: (visits) => visits,
  })

export const fewUnits = crowd('few-units', 10)
export const manyUnits = crowd('many-units', 256)
