import type { OpenPeer } from './peer.ts'

/**
 * How a peer is opened. Each is loaded in a process of its own, so that none pays for another's code. The first one is
 * what the others are compared with.
 */
export const peers = {
  leasehold: async () => (await import('./leasehold.ts')).openPipelined,
  'leasehold-serial': async () => (await import('./leasehold.ts')).openSerial,
  'hand-pipelined': async () => (await import('./hand-pipelined.ts')).open,
  'stored-procedure': async () => (await import('./stored-procedure.ts')).open,
  'mysql2-query': async () => (await import('./mysql2.ts')).openText,
  'mysql2-execute': async () => (await import('./mysql2.ts')).openPrepared,
  mariadb: async () => (await import('./mariadb.ts')).open,
  kysely: async () => (await import('./kysely.ts')).open,
  drizzle: async () => (await import('./drizzle.ts')).open,
  knex: async () => (await import('./knex.ts')).open,
  objection: async () => (await import('./objection.ts')).open,
  typeorm: async () => (await import('./typeorm.ts')).open,
  sequelize: async () => (await import('./sequelize.ts')).open,
  'mikro-orm': async () => (await import('./mikro-orm.ts')).open,
  prisma: async () => (await import('./prisma/prisma.ts')).open,
  effect: async () => (await import('./effect.ts')).open,
} satisfies Readonly<Record<string, () => Promise<OpenPeer>>>

export type PeerName = keyof typeof peers

export const peerNames = Object.keys(peers) as readonly PeerName[]
