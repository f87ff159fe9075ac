/** How long it takes from a caller's abort until its unit has settled, and until the locks that it held are free. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  affected,
  createUnitOfWork,
  DeadlineError,
  type Executor,
  many,
  one,
  type Query,
} from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import type { ServerAddress } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { type Connection, createConnection } from 'mysql2/promise'
import { percentile } from '../../examples/order-desk/statistics.ts'

export interface AbortReport {
  /** As in "mariadb 10.11.6-MariaDB". */
  readonly server: string
  readonly abortedIn: Readonly<Record<Activity, AbortFigures>>
}

/** What a unit was doing when it was aborted. */
export type Activity = keyof typeof activities

export interface AbortFigures {
  readonly aborts: number
  /** From the abort until `run` has rejected. */
  readonly settled: Quantiles
  /** From the abort until a session that was waiting for it has the lock of the unit. */
  readonly freed: Quantiles
}

/** In milliseconds. */
export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

interface Database {
  cells: { id: number; n: number }
  /** 1 to 1 000. */
  numbers: { n: number }
}

const db = mysqlBuilder<Database>()

/** The row that the unit has locked when it is aborted, and one that it does not get. */
const [LOCKED, REFUSED] = [1, 2]

const increment = (id: number): Query<number> =>
  affected(
    db
      .updateTable('cells')
      .set((e) => ({ n: e('n', '+', 1) }))
      .where('id', '=', id),
    { exactly: 1 },
  )

const triples = db.selectFrom(['numbers as a', 'numbers as b', 'numbers as c'])

/** What does not end by itself in any time that matters here. */
const activities = {
  'lock wait': increment(REFUSED),
  sleep: one(db.selectNoFrom(sql<number>`sleep(60)`.as('slept'))),
  'long read': one(triples.select(sql<string>`sum(crc32(concat(a.n, b.n, c.n)))`.as('sum'))),
  'row stream': many(triples.select(['a.n as a', 'b.n as b', 'c.n as c'])),
} as const satisfies Record<string, Query<unknown>>

/**
 * Aborts that many units, as many in each activity, one after the other in a database of their own. Each has a unit of
 * work of its own, whose control connection is yet to be opened, as it is for an abort that comes alone.
 *
 * Throws if a unit does not end as an aborted one does, or if any step takes longer than 20 s.
 */
export async function measureAborts(server: ServerAddress, aborts: number): Promise<AbortReport> {
  const database = await createDatabase(server)
  const [holder, rival] = [await connect(database.uri), await connect(database.uri)]
  try {
    await createTables(holder)
    await holder.query('begin')
    await holder.query(`select n from cells where id = ${REFUSED} for update`)

    const names = Object.keys(activities) as Activity[]
    const abortedIn: Partial<Record<Activity, AbortFigures>> = {}
    for (const name of names) {
      const samples: Sample[] = []
      while (samples.length < aborts / names.length) samples.push(await abortIn(name, database.uri, rival))
      abortedIn[name] = figuresOf(samples)
    }
    return { server: `${server.kind} ${server.version}`, abortedIn: abortedIn as AbortReport['abortedIn'] }
  } finally {
    holder.destroy()
    rival.destroy()
    await database.drop()
  }
}

/** Of one abort, in milliseconds. */
interface Sample {
  readonly settled: number
  readonly freed: number
}

/** Milliseconds that the server has to take a statement up. */
const TAKE_UP = 25

async function abortIn(activity: Activity, uri: string, rival: Connection): Promise<Sample> {
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri, pool: { max: 1 } }) })
  const caller = new AbortController()
  const locked = Promise.withResolvers<void>()
  const body = async (q: Executor): Promise<void> => {
    await q(increment(LOCKED))
    locked.resolve()
    await q(activities[activity].named(activity))
  }
  const unit = uow.run(body, { signal: caller.signal }).then(
    () => unexpected('a unit that is aborted', 'one that came to its end'),
    (error: unknown) => ({ error, at: performance.now() }),
  )
  try {
    await inTime('the unit to have its lock', Promise.race([locked.promise, unit]))
    const lock = rival
      .query(`select n from cells where id = ${LOCKED} for update`)
      .then(() => performance.now())
    // If the unit fails first, nobody waits for it.
    lock.catch(() => {})
    await sleep(TAKE_UP)

    const abort = performance.now()
    caller.abort()
    const { error, at } = await inTime('the unit to settle', unit)
    const freed = await inTime('the lock to come free', lock)
    await rival.query('rollback')
    if (!(error instanceof DeadlineError && error.activity === `${activity} was under way`)) throw error
    if (freed < abort) unexpected('a lock that is free after the abort', 'one that was free before')
    return { settled: at - abort, freed: freed - abort }
  } finally {
    await uow.close()
  }
}

function figuresOf(samples: readonly Sample[]): AbortFigures {
  return {
    aborts: samples.length,
    settled: quantiles(samples.map(({ settled }) => settled)),
    freed: quantiles(samples.map(({ freed }) => freed)),
  }
}

function quantiles(milliseconds: readonly number[]): Quantiles {
  const sorted = milliseconds.toSorted((a, b) => a - b)
  const at = (percent: number): number => Number(percentile(sorted, percent).toFixed(2))
  return { p50: at(50), p95: at(95), p99: at(99), max: at(100) }
}

function connect(uri: string): Promise<Connection> {
  return createConnection(uri)
}

async function createTables(connection: Connection): Promise<void> {
  await connection.query('create table cells (id int primary key, n int not null) engine = innodb')
  await connection.query(`insert into cells values (${LOCKED}, 0), (${REFUSED}, 0)`)
  await connection.query('create table numbers (n int primary key) engine = innodb')
  const numbers = Array.from({ length: 1_000 }, (_, index) => [index + 1])
  await connection.query('insert into numbers values ?', [numbers])
}

/** Milliseconds that any step may take. */
const PATIENCE = 20_000

async function inTime<T>(what: string, step: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = sleep(PATIENCE, undefined, { signal: over.signal }).then(() =>
    unexpected(what, `none of it after ${PATIENCE / 1_000} s`),
  )
  late.catch(() => {})
  try {
    return await Promise.race([step, late])
  } finally {
    over.abort()
  }
}

function unexpected(what: string, actual: string): never {
  throw new Error(`expected ${what}, got ${actual}`)
}
