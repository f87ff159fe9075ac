import { randomBytes } from 'node:crypto'
import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver, type MysqlDriverOptions, outcomeTable } from '@leasehold/mysql'
import { type Galera, type GaleraOptions, startGalera } from '@leasehold/test-support/galera'
import { uriOf } from '@leasehold/test-support/server'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll } from 'vitest'

const DATABASE = 'bank'
const START_WITHIN = 120_000

/** A cluster of the test file's own, with the accounts 1 to 20 of 100 cents each. */
export interface GaleraFixture {
  readonly nodes: Galera['nodes']
  /** A unit of work on one node, with an account that has no rights beyond the database. Closed when the file is done. */
  uow(node: number, options?: Partial<MysqlDriverOptions>): UnitOfWork
  /** By a connection to that node that has nothing to do with Leasehold. */
  rows<R>(node: number, sql: string, values?: unknown[]): Promise<R[]>
  /** Account ids and their cents, after all that was committed before on any node. */
  balances(node: number): Promise<Record<number, number>>
  /** How many transactions the node has ended because they conflicted with those of others. */
  conflicts(node: number): Promise<number>
  /** Puts the accounts back to where they were, and waits until all nodes have heard of it. */
  restore(): Promise<void>
}

export const ACCOUNTS = 20
export const UNTOUCHED: Readonly<Record<number, number>> = Object.fromEntries(
  Array.from({ length: ACCOUNTS }, (_, index) => [index + 1, 100]),
)

export function useGalera(options: GaleraOptions): GaleraFixture {
  const units: UnitOfWork[] = []
  const oracles: Connection[] = []
  const application = { user: 'application', password: randomBytes(12).toString('hex') }
  let galera: Galera | undefined

  const running = (): Galera => {
    if (galera === undefined) throw new Error('expected a cluster, got none: it starts in beforeAll')
    return galera
  }

  const rows = async <R>(node: number, sql: string, values: unknown[] = []): Promise<R[]> => {
    const oracle = oracles[node]
    if (oracle === undefined) throw new Error(`expected a node below ${oracles.length}, got ${node}`)
    const [found] = await oracle.query<RowDataPacket[]>(sql, values)
    return found as R[]
  }

  const balances = async (node: number): Promise<Record<number, number>> => {
    const found = await rows<{ id: number; cents: number }>(node, 'select id, cents from accounts')
    return Object.fromEntries(found.map(({ id, cents }) => [id, cents]))
  }

  async function restore(): Promise<void> {
    await rows(0, 'update accounts set cents = 100')
    for (const node of oracles.keys()) await balances(node)
  }

  beforeAll(async () => {
    galera = await startGalera(options)
    for (const { host, port, user, password } of galera.nodes) {
      const oracle = await createConnection({ host, port, user, password })
      oracles.push(oracle)
      // A read waits until the node has what the others had committed before.
      await oracle.query('set session wsrep_sync_wait = 1')
    }
    await rows(0, `create database ${DATABASE}`)
    await rows(0, 'create user ?@? identified by ?', [application.user, '%', application.password])
    await rows(0, `grant all privileges on ${DATABASE}.* to ?@?`, [application.user, '%'])
    for (const node of oracles.keys()) await rows(node, `use ${DATABASE}`)
    await rows(0, 'create table accounts (id int primary key, name varchar(50) not null, cents int not null)')
    await rows(0, 'insert into accounts (id, name, cents) values ?', [
      Object.entries(UNTOUCHED).map(([id, cents]) => [Number(id), `account ${id}`, cents]),
    ])
    await rows(0, outcomeTable)
    for (const node of oracles.keys()) await balances(node)
  }, START_WITHIN)

  afterAll(async () => {
    await Promise.all(units.map((unit) => unit.close()))
    for (const oracle of oracles) oracle.destroy()
    await galera?.stop()
  })

  return {
    get nodes() {
      return running().nodes
    },
    uow(node, options = {}) {
      const address = running().nodes[node]
      if (address === undefined) throw new Error(`expected a node below ${oracles.length}, got ${node}`)
      const uri = uriOf({ ...address, ...application }, DATABASE)
      // The probe may find a busy machine too slow for it.
      const unit = createUnitOfWork({ driver: mysqlDriver({ uri, pipeline: true, ...options }) })
      units.push(unit)
      return unit
    },
    rows,
    balances,
    async conflicts(node) {
      const found = await rows<{ Value: string }>(
        node,
        `show status where variable_name in ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')`,
      )
      return found.reduce((sum, { Value }) => sum + Number(Value), 0)
    },
    restore,
  }
}
