/** How much an error undoes: the transaction, or the statement alone. */
import { beforeEach, describe, expect, test } from 'vitest'
import { eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'
import { isInTransaction, type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
const isMariadb = fixture.server.kind === 'mariadb'
beforeEach(() => fixture.restore())

const add = (id: number): string => `update accounts set cents = cents + 1 where id = ${id}`
const endless = `select count(*) from ${Array.from('abcdefghi', (name) => `accounts ${name}`).join(', ')} where rand() < 0`
const limitOf100ms = isMariadb ? 'set max_statement_time = 0.1' : 'set max_execution_time = 100'

describe('a deadlock undoes the transaction, savepoints included, and what is sent behind it', () => {
  test.each([
    { autocommit: 0, fate: 'is undone by ROLLBACK', left: UNTOUCHED },
    { autocommit: 1, fate: 'stays, whatever ROLLBACK does', left: { ...UNTOUCHED, 2: 101 } },
  ])('with autocommit = $autocommit $fate', async ({ autocommit, left }) => {
    const session = await open()
    await withRival(fixture, async (rival) => {
      await session.run(`set autocommit = ${autocommit}`)
      await session.run('begin')
      await session.run('savepoint here')
      await session.run(add(1))
      await session.run(add(8))
      await rival.waitForUnit()
      expect(await session.errnoOf(add(9))).toBe(1213)
      expect(isInTransaction(await session.run(add(2)))).toBe(autocommit === 0)
      expect(await session.errnoOf('rollback to savepoint here')).toBe(1305)
      expect(isInTransaction(await session.run('rollback'))).toBe(false)
    })
    expect(await fixture.balances()).toEqual(left)
  })
})

describe('a read that is out of date, under snapshot isolation,', () => {
  test.runIf(isMariadb)('undoes the transaction', async () => {
    const session = await open()
    await session.run('set innodb_snapshot_isolation = on, autocommit = 0')
    await session.run(add(1))
    await session.rows('select * from accounts')
    await fixture.oracle.query(add(9))
    expect(await session.errnoOf(add(9))).toBe(1020)
    expect(isInTransaction(await session.run('do 0'))).toBe(false)
    await session.run('commit')
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 9: 101 })
  })

  test.runIf(!isMariadb)('is not to be had', async () => {
    const session = await open()
    expect(await session.errnoOf('set innodb_snapshot_isolation = on')).toBe(1193)
  })
})

describe('undoes the statement alone, and COMMIT would commit the rest:', () => {
  async function held<T>(session: Session, use: () => Promise<T>): Promise<T> {
    await fixture.oracle.query('begin')
    await fixture.oracle.query(add(9))
    await session.run('set innodb_lock_wait_timeout = 1')
    try {
      return await use()
    } finally {
      await fixture.oracle.query('rollback')
    }
  }

  const failures: Readonly<Record<string, (session: Session) => Promise<number | undefined>>> = {
    'a duplicate key, 1062': (session) =>
      session.errnoOf("insert into accounts (name, cents) values ('new', 1), ('account 1', 1)"),
    'a lock timeout, 1205': (session) => held(session, () => session.errnoOf(add(9))),
    'KILL QUERY, 1317': (session) =>
      held(session, async () => {
        const killed = session.errnoOf(add(9))
        await eventually(async () =>
          (await fixture.sessions()).some(({ id, statement }) => id === session.id && statement === add(9)),
        )
        await fixture.oracle.query(`kill query ${session.id}`)
        return killed
      }),
    [`a limit of time, ${isMariadb ? 1969 : 3024}`]: async (session) => {
      await session.run(limitOf100ms)
      return session.errnoOf(endless)
    },
  }

  test.each(Object.entries(failures))('%s', async (title, fail) => {
    const session = await open()
    await session.run('begin')
    await session.run(add(1))
    expect(await fail(session)).toBe(Number(title.slice(-4)))
    expect(isInTransaction(await session.run(add(2)))).toBe(true)
    await session.run('commit')
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 2: 101 })
  })
})

test('KILL QUERY does nothing to a session that is idle, nor to its next statement', async () => {
  const session = await open()
  await fixture.oracle.query(`kill query ${session.id}`)
  expect(await session.rows('select 1 as n')).toEqual([{ n: 1 }])
})

describe('a limit of time', () => {
  async function limited(): Promise<Session> {
    const session = await open()
    await session.run(limitOf100ms)
    return session
  }

  test('holds for any statement on MariaDB, for SELECT alone on MySQL', async () => {
    const slow = 'update accounts set cents = cents + sleep(0.05)'
    expect(await (await limited()).errnoOf(slow)).toBe(isMariadb ? 1969 : undefined)
  })

  const sleep = 'select sleep(60) as interrupted'

  test.runIf(isMariadb)('ends SLEEP with an error', async () => {
    expect(await (await limited()).errnoOf(sleep)).toBe(1969)
  })

  test.runIf(!isMariadb)('ends SLEEP before its time and well', async () => {
    expect(await (await limited()).rows(sleep)).toEqual([{ interrupted: 1 }])
  })
})
