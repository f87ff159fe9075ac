/** Savepoints tell whether a transaction is still the one that they were set in. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'
import { type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)

const PROCEDURES: Readonly<Record<string, string>> = {
  commits: 'commit',
  commits_and_begins: 'commit; start transaction; update accounts set cents = 0 where id = 2',
  rolls_back: 'rollback; update accounts set cents = 0 where id = 2',
  writes: 'update accounts set cents = 0 where id = 2',
  swallows_a_deadlock:
    'declare continue handler for 1213 begin end; update accounts set cents = 0 where id = 9; ' +
    'update accounts set cents = 0 where id = 2',
}

beforeAll(async () => {
  for (const [name, body] of Object.entries(PROCEDURES)) {
    await fixture.rows(`create procedure ${name}() begin ${body}; end`)
  }
})
afterAll(async () => {
  for (const name of Object.keys(PROCEDURES)) await fixture.rows(`drop procedure ${name}`)
})
beforeEach(() => fixture.restore())

async function session(): Promise<Session> {
  const opened = await open()
  await opened.run('set autocommit = 0')
  return opened
}

const GONE = 1305

/** With something written ahead of the savepoint, and with nothing. */
describe.each([true, false])('behind a write: %s', (written) => {
  async function releasedBehind(statement: string): Promise<number | undefined> {
    const one = await session()
    if (written) await one.run('update accounts set cents = 101 where id = 1')
    await one.run('savepoint here')
    await one.connection.query(statement).catch(() => {})
    const errno = await one.errnoOf('release savepoint here')
    await one.connection.query('unlock tables')
    await one.run('rollback')
    return errno
  }

  test.each([
    'call commits()',
    'call commits_and_begins()',
    'call rolls_back()',
    'begin',
    'commit',
    'rollback',
    'lock tables accounts write',
    'set autocommit = 1',
    'flush tables',
    'analyze table accounts',
    'alter table missing add a int',
    'create table accounts (id int)',
    'truncate table missing',
  ])('it is gone behind %s', async (statement) => {
    expect(await releasedBehind(statement)).toBe(GONE)
  })

  test.each([
    'call writes()',
    'call missing()',
    'set @a = 1',
    'select * from accounts for update',
    'update accounts set cents = 5',
    "insert into accounts values (1, 'account 1', 5)",
    'savepoint another',
    'create temporary table t (id int)',
    "prepare p from 'select 1'",
    'do 1',
  ])('it is still there behind %s', async (statement) => {
    expect(await releasedBehind(statement)).toBeUndefined()
  })
})

test('one that was set before anything else is gone back to', async () => {
  const one = await session()
  await one.run('savepoint here')
  await one.run('update accounts set cents = 0')
  await one.run('rollback to savepoint here')
  await one.run('update accounts set cents = 101 where id = 1')
  await one.run('commit')
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})

test('it is gone behind a procedure that goes on after a deadlock, which loses what came before', async () => {
  await withRival(fixture, async (rival) => {
    const one = await session()
    await one.run('update accounts set cents = 101 where id = 8')
    await one.run('savepoint here')
    await rival.waitForUnit()
    await one.run('call swallows_a_deadlock()')
    expect(await one.errnoOf('release savepoint here')).toBe(GONE)
    await one.run('commit')
  })
  // What the procedure did afterwards was in another transaction.
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 2: 0 })
})
