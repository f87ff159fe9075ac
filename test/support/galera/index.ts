export type { GaleraNode } from './node.ts'
export { startGalera } from './start-galera.ts'
export type { Galera, GaleraOptions } from './start-galera.ts'
