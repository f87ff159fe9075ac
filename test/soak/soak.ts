import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import type { TestServer } from '@leasehold/test-support/server'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { countRows, sessionsOf } from './admin.ts'
import { type Check, conditionChecks, failureCheck, poolCheck, recoveryCheck, rowCheck } from './checks.ts'
import { Clients } from './clients.ts'
import { checkDesk, loadDesk } from './desk.ts'
import { faultsOn, strikeInTurn } from './faults.ts'
import { untilNone, within } from './patience.ts'
import { ProcessWatch } from './process-watch.ts'
import { Recovery } from './recovery.ts'
import type { Report } from './report.ts'
import { beyond, resources } from './resources.ts'
import { UnrulyProxy } from './unruly-proxy.ts'

const clientCount = 64
const connections = 16
/** What the pool may take to close by itself is 5 s. */
const closePatienceMs = 15_000
/** The server sees the end of a session when it is done with its statement. */
const leftoverPatienceMs = 10_000

export interface Plan {
  readonly minutes: number
  readonly seed: number
}

/** Has many clients at work while everything between them and their data fails, and looks at what is left. */
export async function soak(server: TestServer, { minutes, seed }: Plan): Promise<Report> {
  const { name: database, uri } = await createDatabase(server)
  await loadDesk(uri)
  const rowsBefore = await rows(server, database)
  const resourcesBefore = resources()

  const watch = new ProcessWatch()
  const proxy = await UnrulyProxy.start(server)
  const uow = openUnitOfWork(uri, proxy)
  const recovery = new Recovery()
  const start = performance.now()
  const clients = new Clients(uow, { count: clientCount, seed, onCommitted: () => recovery.unitCommitted() })
  // The clients have the streams from 1 on.
  const random = new Random(seed, 0)
  const possible = faultsOn({ server, database, proxy, recovery, random })
  const faults = await strikeInTurn(possible, minutes * 60_000, random)
  const hanging = await clients.stop()
  const seconds = Math.round((performance.now() - start) / 1000)

  const atRest = poolCheck(uow.stats(), connections)
  const closed = await close(uow)
  await proxy.stop()
  const leftResources = await untilNone(leftoverPatienceMs, () => beyond(resourcesBefore))
  const leftSessions = await untilNone(leftoverPatienceMs, () => sessionsOf(server, database))
  const rowsAfter = await rows(server, database)

  const { tallies } = clients
  return {
    server: `${server.kind} ${server.version}`,
    seconds,
    seed,
    transactions: tallies,
    faults,
    recovery: recovery.summary,
    checks: [
      { name: 'every client ends', found: hanging },
      failureCheck(tallies),
      recoveryCheck(recovery.summary),
      atRest,
      closed,
      { name: 'no socket or timer is left', found: leftResources },
      { name: 'no session is left on the server', found: leftSessions.map((id) => `session ${id}`) },
      { name: 'nothing goes unhandled', found: watch.seen },
      rowCheck('orders', rowsAfter.orders - rowsBefore.orders, tallies['New-Order']),
      rowCheck('history', rowsAfter.history - rowsBefore.history, tallies.Payment),
      ...conditionChecks(await checkDesk(uri)),
    ],
  }
}

function openUnitOfWork(uri: string, proxy: UnrulyProxy): UnitOfWork {
  const way = new URL(uri)
  way.port = String(proxy.port)
  return createUnitOfWork({ driver: mysqlDriver({ uri: way.href, pool: { max: connections } }) })
}

async function close(uow: UnitOfWork): Promise<Check> {
  const ended = await within(closePatienceMs, uow.close())
  return { name: 'the pool closes', found: ended ? [] : [`it had not after ${closePatienceMs / 1000} s`] }
}

async function rows(server: TestServer, database: string): Promise<{ orders: number; history: number }> {
  return {
    orders: await countRows(server, `${database}.orders`),
    history: await countRows(server, `${database}.history`),
  }
}
