/** What each kind of fault does. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from '@leasehold/test-support/fault-proxy'
import type { TestServer } from '@leasehold/test-support/server'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { Random } from '../../../examples/order-desk/generate/random.ts'
import { pick, weighted } from '../choice.ts'
import { ACCOUNTS, SLOTS } from '../stage/schema.ts'
import type { Stage } from '../stage/stage.ts'
import type { FaultKind } from './plan.ts'

export interface Targets {
  readonly server: TestServer
  readonly stage: Stage
  readonly proxy: FaultProxy
}

type Strike = (targets: Targets, random: Random) => Promise<void> | void

const TABLES = ['accounts', 'ledger', 'slots'] as const
/** Those without a trigger, which a crash in the middle of a definition may leave broken. */
const PLAIN_TABLES = ['accounts', 'ledger'] as const

export const strikes: Readonly<Record<FaultKind, Strike>> = {
  cut: ({ proxy }, random) => anyLink(proxy, random)?.cut(),
  'cut within': ({ proxy }, random) =>
    anyLink(proxy, random)?.cutAfter(random.chance(50) ? 'client' : 'server', random.integer(0, 399)),
  reset: ({ proxy }, random) => anyLink(proxy, random)?.reset(),
  delay: ({ proxy }, random) => {
    const ms = weighted(random, [
      [16, random.integer(1, 30)],
      [3, random.integer(100, 600)],
      [1, 2_500],
    ])
    anyLink(proxy, random)?.stall(ms)
  },
  kill: ({ stage }, random) => asAdmin(stage, (admin) => killOne(admin, stage, 'kill', random)),
  'kill query': ({ stage }, random) => asAdmin(stage, (admin) => killOne(admin, stage, 'kill query', random)),
  'read only': ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      await admin.query('set global read_only = 1')
      await sleep(random.integer(1, 40))
      await admin.query('set global read_only = 0')
    }),
  'read only under a lock': ({ stage }, random) =>
    asAdmin(stage, (admin) =>
      asAdmin(stage, async (rival) => {
        await rival.query('start transaction')
        await rival.query('update slots set visits = visits + 1 where id <= ?', [random.integer(3, SLOTS)])
        await sleep(random.integer(5, 25))
        const pending = admin.query('set global read_only = 1')
        // It may be lost before it is waited for.
        pending.catch(() => {})
        await sleep(random.integer(5, 25))
        await rival.query('rollback')
        await pending
        await sleep(random.integer(1, 20))
        await admin.query('set global read_only = 0')
      }),
    ),
  alter: ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      const table = pick(random, PLAIN_TABLES)
      await admin.query(`alter table ${table} add column extra int not null default 0`)
      await sleep(random.integer(0, 20))
      await insist(() => admin.query(`alter table ${table} drop column extra`))
    }),
  rename: ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      const there = PLAIN_TABLES.map((table) => `${table} to ${table}_away`)
      const back = PLAIN_TABLES.map((table) => `${table}_away to ${table}`)
      await admin.query(`rename table ${there.join(', ')}`)
      await sleep(random.integer(0, 3))
      await insist(() => admin.query(`rename table ${back.join(', ')}`))
    }),
  'lock tables': ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      const tables = random.chance(70) ? TABLES : [pick(random, TABLES)]
      await admin.query(`lock tables ${tables.map((table) => `${table} write`).join(', ')}`)
      await sleep(random.integer(0, 10))
      await admin.query('unlock tables')
    }),
  rival: ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      await admin.query('start transaction')
      const [table, most] = pick(random, [
        ['slots', SLOTS],
        ['accounts', ACCOUNTS],
      ] as const)
      await admin.query(`select id from ${table} where id = ? for update`, [random.integer(1, most)])
      await sleep(random.chance(90) ? random.integer(1, 60) : 1_200)
      await admin.query('rollback')
    }),
  /** Takes two locks in the order in which nobody else does; heavy, so that others are the victims. */
  'cross rival': ({ stage }, random) =>
    asAdmin(stage, async (admin) => {
      await admin.query('start transaction')
      await admin.query('update ballast set n = n + 1')
      const [table, most] = pick(random, [
        ['slots', SLOTS],
        ['accounts', ACCOUNTS],
      ] as const)
      const id = random.integer(1, most)
      const select = `select id from ${table} where id = ? for update`
      await admin.query(select, [(id % most) + 1])
      await sleep(random.integer(2, 15))
      await admin.query(select, [id])
      await sleep(random.integer(0, 5))
      await admin.query('rollback')
    }),
  crash: ({ server }) => server.crash(),
}

/** Undoes what some faults may have left half done. */
export function mend(stage: Stage): Promise<void> {
  return asAdmin(stage, async (admin) => {
    await admin.query('set global read_only = 0')
    // One statement may have hindered another half way: whatever is away comes back.
    for (const table of PLAIN_TABLES) {
      const [away] = await admin.query<RowDataPacket[]>('show tables like ?', [`${table}\\_away`])
      if (away.length > 0) await insist(() => admin.query(`rename table ${table}_away to ${table}`))
      const [extra] = await admin.query<RowDataPacket[]>(`show columns from ${table} like 'extra'`)
      if (extra.length > 0) await insist(() => admin.query(`alter table ${table} drop column extra`))
    }
  })
}

async function asAdmin(stage: Stage, work: (admin: Connection) => Promise<void>): Promise<void> {
  const admin = await stage.connect()
  // It may be lost between two statements, too.
  admin.on('error', () => {})
  try {
    await work(admin)
  } finally {
    admin.destroy()
  }
}

/** What waits for a lock that others hold does so for a second or two. */
async function insist(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work()
      return
    } catch (error) {
      if (attempt === 10) throw error
      await sleep(5)
    }
  }
}

async function killOne(admin: Connection, stage: Stage, verb: string, random: Random): Promise<void> {
  const [rows] = await admin.query<RowDataPacket[]>('show processlist')
  const ids = rows.filter((row) => row['User'] === stage.account).map((row) => Number(row['Id']))
  const id = ids[random.integer(0, ids.length - 1)]
  if (id !== undefined) await admin.query(`${verb} ${id}`)
}

function anyLink(proxy: FaultProxy, random: Random) {
  return proxy.links[random.integer(0, proxy.links.length - 1)]
}
