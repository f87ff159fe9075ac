/** Whether a statement tells of the deadlock that a function of its has met, and that has undone the transaction. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'
import { useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
const isMariadb = fixture.server.kind === 'mariadb'

beforeAll(async () => {
  const update = 'update accounts set cents = cents + 1 where id = 9'
  await fixture.rows(`create function nine() returns int modifies sql data begin ${update}; return 1; end`)
  await fixture.rows(
    'create function quiet() returns int modifies sql data begin ' +
      `declare continue handler for sqlexception begin end; ${update}; return 1; end`,
  )
  await fixture.rows('create table notes (id int primary key auto_increment, n int)')
  await fixture.rows('insert into notes (n) values (1)')
  await fixture.rows(
    `create trigger noted before insert on notes for each row if new.n = 7 then set new.n = quiet(); end if`,
  )
})
afterAll(async () => {
  await fixture.rows('drop table notes')
  await fixture.rows('drop function nine')
  await fixture.rows('drop function quiet')
})
beforeEach(() => fixture.restore())

interface Seen {
  readonly errno: number | undefined
  readonly undone: boolean
}

async function deadlock(sql: string): Promise<Seen> {
  const session = await open()
  let seen: Seen | undefined
  await withRival(fixture, async (rival) => {
    await session.run('set autocommit = 0')
    await session.run('savepoint here')
    await session.run('update accounts set cents = cents + 1 where id = 8')
    await rival.waitForUnit()
    const errno = await session.errnoOf(sql)
    seen = { errno, undone: (await session.errnoOf('release savepoint here')) === 1305 }
    await session.run('rollback')
  })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  if (seen === undefined) throw new Error('nothing was seen')
  return seen
}

const statements = (call: string): readonly string[] => [
  `select ${call}`,
  `select id from notes where n < ${call} + 5`,
  `select * from (select ${call} as n) as derived`,
  `with made as (select ${call} as n) select * from made`,
  `values ${isMariadb ? '' : 'row'}(${call} + 0)`,
  `insert into notes (n) values (${call})`,
  `insert ignore into notes (n) values (${call})`,
  `insert into notes (id, n) values (1, 1) on duplicate key update n = ${call}`,
  `replace into notes (n) values (${call})`,
  `update notes set n = ${call}`,
  `update ignore notes set n = ${call}`,
  `delete from notes where n = ${call}`,
  `delete ignore from notes where n = ${call}`,
]

describe.each(['nine()', 'quiet()'])('in %s, which has a handler or not,', (call) => {
  test.each(statements(call))('%s', async (sql) => {
    expect(await deadlock(sql)).toEqual({ errno: 1213, undone: true })
  })
})

test('in a trigger with a handler', async () => {
  expect(await deadlock('insert into notes (n) values (7)')).toEqual({ errno: 1213, undone: true })
})

test.each([
  'show tables where nine()',
  'show columns from notes where nine()',
  'show variables where nine()',
  'show status where nine()',
  'explain select nine()',
  'explain analyze select nine()',
  'explain select * from (select nine() as n) as derived',
  'describe select nine()',
])('%s', async (sql) => {
  const { errno, undone } = await deadlock(sql)
  expect({ sql, errno, undone }).toEqual({ sql, errno: undone ? 1213 : errno, undone })
})

test('DO: MariaDB hides it', async () => {
  expect(await deadlock('do nine()')).toEqual({ errno: isMariadb ? undefined : 1213, undone: true })
})
