/** Leases: several units on one connection, and what lasts from one to the next. */
import {
  AcquireError,
  ConnectionLostError,
  LockError,
  StatementError,
  type UnitOfWork,
} from '@leasehold/core'
import { outcomeTable } from '@leasehold/mysql'
import { sql } from 'kysely'
import type { Connection } from 'mysql2/promise'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const connectionId = sql<{ id: number }>`select connection_id() as id`.compile(db)
const idOf = async (uow: UnitOfWork): Promise<number> => Number((await uow.run(connectionId))[0]?.id)

/** Runs raw SQL as a unit of its own. */
const runRaw = (uow: UnitOfWork, text: string) => uow.run(sql`${sql.raw(text)}`.compile(db))

const lockName = (): string => fixture.database.name

/** Whether the named lock is free, for a session that has nothing to do with the lease. */
async function isFree(name = lockName()): Promise<boolean> {
  const [row] = await fixture.rows<{ free: number }>('select is_free_lock(?) as free', [name])
  return row?.free === 1
}

/** Until a session waits for a named lock. */
const waitingForLock = () =>
  eventually(async () =>
    (await fixture.sessions()).some(({ statement }) => /get_lock/i.test(statement ?? '')),
  )

describe.each([true, false])('a lease, with pipeline: %s', (pipeline) => {
  test('runs all of its units on one connection', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 2 } })
    await using lease = await uow.lease({ label: 'nightly' })
    const id = await idOf(lease)
    expect(await idOf(uow)).not.toBe(id)
    await lease.run(async (q) => {
      await q(accounts.add(1, 5))
      await q(accounts.add(2, 5))
    })
    await expect(
      lease.run(async (q) => {
        await q(accounts.add(3, 5))
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
    expect(await lease.read(accounts.byId(1))).toMatchObject({ cents: 105 })
    const rows = []
    for await (const row of lease.stream(accounts.all())) rows.push(row)
    expect(rows).toHaveLength(9)
    {
      await using unit = await lease.begin()
      await unit(accounts.add(4, 5))
    }
    await lease.with({ tags: { part: '2' } }).run(accounts.add(5, 5))
    expect(await idOf(lease)).toBe(id)
    await lease.close()
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 105, 2: 105, 5: 105 })
    expect(uow.stats()).toMatchObject({ leased: 0 })
  })

  test('runs units that are asked for together one after the other', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    await Promise.all([1, 2, 3].map((id) => lease.run(accounts.add(id, 1))))
    const reads = await Promise.all([lease.read(accounts.byId(1)), lease.run(accounts.byId(2))])
    expect(reads.map(({ cents }) => cents)).toEqual([101, 101])
    expect(uow.stats()).toMatchObject({ created: 1, leased: 1 })
  })

  test('keeps variables and temporary tables, which the next lessee does not find', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    await runRaw(lease, 'set @mine = 7')
    await lease.native((connection) => connection.query('create temporary table parts (id int)'))
    await lease.run(sql`insert into parts values (1), (2)`.compile(db))
    const kept = sql<{
      mine: number
      parts: number
    }>`select @mine as mine, (select count(*) from parts) as parts`
    expect(await lease.run(kept.compile(db))).toEqual([{ mine: 7, parts: 2 }])
    await lease.close()
    const mine = sql`select @mine as mine`.compile(db)
    expect(await uow.run(mine)).toEqual([{ mine: null }])
    await expect(uow.run(sql`select * from parts`.compile(db))).rejects.toMatchObject({
      kind: 'unknown-name',
    })
  })

  test.each([
    'set autocommit = 1',
    'set session completion_type = 1',
    "set time_zone = '+05:00'",
    'set names latin1',
    "set sql_mode = 'NO_BACKSLASH_ESCAPES'",
  ])('a unit behind "%s" is a transaction all the same', async (change) => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    await lease.native((connection) => connection.query(change))
    const failing = lease.run(async (q) => {
      await q(accounts.add(1, 5))
      await q(accounts.open("it's \\ 'quoted' ß", 1))
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    await lease.run(accounts.open("it's \\ 'quoted' ß", 1))
    const names = await fixture.rows<{ name: string }>('select name from accounts where cents = 1')
    expect(names).toEqual([{ name: "it's \\ 'quoted' ß" }])
    expect(await fixture.balances()).toMatchObject(UNTOUCHED)
  })

  test('raw SQL of a unit that turns autocommit on does not reach the next one', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    await runRaw(lease, 'set autocommit = 1').catch(() => {})
    const failing = lease.run(async (q) => {
      await q(accounts.add(1, 5))
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('gives a time limit for statements to one unit only', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    const slow = sql`select sleep(0.4)`.compile(db)
    await lease.run(slow, { statementTimeout: 100 }).catch(() => {})
    expect(await lease.run(sql<{ slept: number }>`select sleep(0.4) as slept`.compile(db))).toEqual([
      { slept: 0 },
    ])
  })
})

describe('a lock', () => {
  test('is free when it is released, and when the lease ends', async () => {
    const uow = fixture.uow({ pool: { max: 2 } })
    {
      await using lease = await uow.lease()
      {
        await using lock = await lease.lock(lockName())
        expect(lock.name).toBe(lockName())
        expect(await isFree()).toBe(false)
        await lease.run(accounts.add(1, 1))
        await lease.run(() => Promise.reject(new Error('mine'))).catch(() => {})
        expect(await isFree()).toBe(false)
      }
      expect(await isFree()).toBe(true)
      await lease.lock(lockName())
      await lease.lock(`${lockName()}2`)
    }
    expect([await isFree(), await isFree(`${lockName()}2`)]).toEqual([true, true])
  })

  test('of another session is an error that names it when the wait is over', async () => {
    const uow = fixture.uow({ pool: { max: 2 } })
    await using holder = await uow.lease()
    await holder.lock(lockName())
    const id = await idOf(holder)
    await using lease = await uow.lease({ label: 'second' })
    for (const wait of [0, 300]) {
      const error: unknown = await lease.lock(lockName(), { wait }).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(LockError)
      expect(error).toMatchObject({ lock: lockName(), holder: id })
      expect((error as Error).message).toContain(`connection ${id} has it`)
    }
    const waiting = lease.lock(lockName(), { wait: 20_000 })
    await waitingForLock()
    await holder.close()
    await using lock = await waiting
    expect(lock.name).toBe(lockName())
  })

  test('that is waited for when the lease is stopped is not left behind', async () => {
    const uow = fixture.uow({ pool: { max: 3 } })
    await using holder = await uow.lease()
    await holder.lock(lockName())
    const controller = new AbortController()
    await using lease = await uow.lease({ signal: controller.signal })
    const waiting = lease.lock(lockName(), { wait: 20_000 })
    await waitingForLock()
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'DeadlineError', reason: 'aborted' })
    await holder.close()
    await lease.close()
    expect(await isFree()).toBe(true)
  })

  test('in a circle of waits is a deadlock, and is not tried again', async () => {
    const uow = fixture.uow({ pool: { max: 2 } })
    await using one = await uow.lease()
    await using two = await uow.lease()
    await one.lock(lockName())
    await two.lock(`${lockName()}2`)
    const waiting = one.lock(`${lockName()}2`, { wait: 20_000 })
    await waitingForLock()
    await expect(two.lock(lockName(), { wait: 20_000 })).rejects.toBeInstanceOf(StatementError)
    expect(await isFree(`${lockName()}2`)).toBe(false)
    await two.close()
    expect((await waiting).name).toBe(`${lockName()}2`)
  })

  test('that raw SQL has released is found out at its release', async () => {
    await using lease = await fixture.uow().lease()
    const lock = await lease.lock(lockName())
    await lease.run(sql`do release_lock(${lockName()})`.compile(db))
    await expect(lock.release()).rejects.toBeInstanceOf(LockError)
    await lock.release()
  })
})

test('an outcome and a lock are asked for whatever the session selects', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  await fixture.oracle.query(outcomeTable)
  await using lease = await uow.lease()
  await runRaw(lease, 'set sql_select_limit = 0')
  await lease.run(accounts.add(1, 1), { outcomeKey: 'one' })
  expect([await lease.outcome('one'), await lease.outcome('two')]).toEqual([true, false])
  await using lock = await lease.lock(lockName())
  expect(lock.name).toBe(lockName())
})

describe('a lost connection', () => {
  test('fails the unit that finds it lost, and every later one, on no other connection', async () => {
    const uow = fixture.uow({ pool: { max: 2 } })
    await using lease = await uow.lease()
    const id = await idOf(lease)
    await lease.lock(lockName())
    await fixture.oracle.query(`kill ${id}`)
    const first: unknown = await lease.run(accounts.add(1, 1)).catch((error: unknown) => error)
    expect(first).toBeInstanceOf(ConnectionLostError)
    const second: unknown = await lease.run(accounts.add(1, 1)).catch((error: unknown) => error)
    expect(second).toBeInstanceOf(AcquireError)
    expect(second).toMatchObject({ reason: 'lost' })
    await lease.close()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats()).toMatchObject({ leased: 0 })
  })

  test('is noticed at the end at the latest', async () => {
    const uow = fixture.uow({ pool: { max: 2 } })
    const lease = await uow.lease()
    await lease.lock(lockName())
    await fixture.oracle.query(`kill ${await idOf(lease)}`)
    await lease.close()
    expect(uow.stats()).toMatchObject({ leased: 0 })
    await uow.run(accounts.add(1, 1))
  })
})

describe.each([true, false])('native, with pipeline: %s', (pipeline) => {
  test('lends the connection, with autocommit on', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    await lease.run(accounts.add(1, 1))
    const [rows] = await lease.native(async (connection) => {
      await connection.query('update accounts set cents = 7 where id = 2')
      await connection.execute('update accounts set cents = ? where id = 3', [8])
      return connection.query('select id, cents from accounts where id < 4 order by id')
    })
    expect(rows).toEqual([
      { id: 1, cents: 101 },
      { id: 2, cents: 7 },
      { id: 3, cents: 8 },
    ])
    await expect(lease.run(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    await lease.run(accounts.add(1, 1))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 102, 2: 7, 3: 8 })
  })

  test('rolls back what was left open, and says so unless the function failed', async () => {
    await using lease = await fixture.uow({ pipeline }).lease()
    const left = lease.native(async (connection) => {
      await connection.beginTransaction()
      await connection.query('update accounts set cents = 0')
    })
    await expect(left).rejects.toThrow('left a transaction open')
    const failed = lease.native(async (connection) => {
      await connection.beginTransaction()
      await connection.query('update accounts set cents = 0')
      throw new Error('mine')
    })
    await expect(failed).rejects.toThrow('mine')
    await fixture.unlocked()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await lease.run(accounts.add(1, 1))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('waits for what its function did not, and refuses the connection afterwards', async () => {
    await using lease = await fixture.uow({ pipeline }).lease()
    let late: Promise<unknown> = Promise.resolve()
    const kept = await lease.native((connection) => {
      late = connection.query('select sleep(0.2)').then(() => connection)
      return Promise.resolve(connection)
    })
    await late
    await expect(kept.query('select 1')).rejects.toThrow('after its function had settled')
    expect(await lease.read(accounts.byId(1))).toMatchObject({ id: 1 })
  })

  test('excludes units, and is excluded by them', async () => {
    await using lease = await fixture.uow({ pipeline }).lease()
    await lease.native(async () => {
      await expect(lease.run(accounts.add(1, 1))).rejects.toMatchObject({ name: 'UsageError' })
    })
    const running = lease.run(accounts.add(1, 1))
    await expect(lease.native(() => Promise.resolve())).rejects.toMatchObject({ name: 'UsageError' })
    await running
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('refuses the lease and its unit of work inside of its function', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await using lease = await uow.lease()
    const uses: readonly (() => Promise<unknown>)[] = [
      () => lease.close(),
      () => lease.run(accounts.add(1, 1)),
      () => lease.lock(lockName()),
      () => uow.run(accounts.add(1, 1)),
      () => lease.native(() => Promise.resolve()),
    ]
    for (const use of uses) {
      await expect(lease.native(use)).rejects.toThrow('inside the function of lease.native')
    }
    await lease.run(accounts.add(1, 1))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('takes back a connection that was paused', async () => {
    await using lease = await fixture.uow({ pipeline }).lease()
    await lease.native((connection) => {
      connection.pause()
      return Promise.resolve()
    })
    expect(await lease.read(accounts.byId(1))).toMatchObject({ id: 1 })
  })

  test.each<[string, (connection: Connection) => Promise<unknown>]>([
    ['destroys the connection', (connection) => Promise.resolve(connection.destroy())],
    ['ends the connection', (connection) => connection.end()],
    ['leaves an XA transaction', (connection) => connection.query(`xa start '${lockName()}'`)],
  ])('that %s costs the lease, and nothing else', async (_, use) => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    const lease = await uow.lease()
    await lease.native(use).catch(() => {})
    await expect(lease.run(accounts.add(1, 1))).rejects.toMatchObject({
      name: expect.stringMatching(/ConnectionLostError|AcquireError/) as string,
    })
    await lease.close()
    await uow.run(accounts.add(1, 1))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })
})

test('a lease in a sandbox is undone with it', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  await uow.sandbox(async (q, sandboxed) => {
    await using lease = await sandboxed.lease()
    await using lock = await lease.lock(lockName())
    await lease.run(accounts.add(1, 1))
    expect(lock.name).toBe(lockName())
    expect((await q(accounts.byId(1))).cents).toBe(101)
    await expect(lease.native(() => Promise.resolve())).rejects.toMatchObject({ name: 'UsageError' })
  })
  expect(await isFree()).toBe(true)
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})
