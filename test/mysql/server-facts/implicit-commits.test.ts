/** What commits by itself, and whether the server says so. */
import { Statement } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { db, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { isInTransaction, type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
beforeEach(() => fixture.restore())

const COMMITTED = { ...UNTOUCHED, 1: 101 }

/** A session in a transaction that has changed something. */
async function begun(): Promise<Session> {
  const session = await open()
  await session.run('set autocommit = 0')
  await session.run('begin')
  const written = await session.run('update accounts set cents = cents + 1 where id = 1')
  expect(isInTransaction(written)).toBe(true)
  return session
}

test.each([
  'create table made (id int)',
  'alter table made add column name int',
  'create index made_id on made (id)',
  'rename table made to remade',
  'truncate table remade',
  'drop table remade',
  'flush tables',
  'set autocommit = 1',
])('commits, and its flag says so: %s', async (statement) => {
  const session = await begun()
  expect(isInTransaction(await session.run(statement))).toBe(false)
  await session.run('rollback')
  expect(await fixture.balances()).toEqual(COMMITTED)
})

test.each(['begin', 'start transaction', 'lock tables accounts write'])(
  'commits, and its flag does not: %s',
  async (statement) => {
    const session = await begun()
    expect(isInTransaction(await session.run(statement))).toBe(true)
    await session.run('unlock tables')
    await session.run('rollback')
    expect(await fixture.balances()).toEqual(COMMITTED)
  },
)

test.each([
  { statement: 'create table accounts (id int)', errno: 1050 },
  { statement: 'alter table accounts add column name int', errno: 1060 },
  { statement: 'drop table missing', errno: 1051 },
  { statement: 'truncate table missing', errno: 1146 },
])('commits although it fails, and an error has no flags: $statement', async ({ statement, errno }) => {
  const session = await begun()
  expect(await session.errnoOf(statement)).toBe(errno)
  expect(isInTransaction(await session.run('do 0'))).toBe(false)
  await session.run('rollback')
  expect(await fixture.balances()).toEqual(COMMITTED)
})

test.each([
  'create temporary table made (id int)',
  'drop temporary table if exists made',
  'set @variable = 1',
  'savepoint here',
  "prepare made from 'select 1'",
])('does not commit: %s', async (statement) => {
  const session = await begun()
  expect(isInTransaction(await session.run(statement))).toBe(true)
  await session.run('rollback')
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

/** What the servers don't have ends nothing either: a syntax error. */
describe('a statement that core takes for one that leaves the transaction open does so:', () => {
  test.each([
    'select 1',
    '(select 1)',
    'with a as (select 1 as n) select * from a',
    'values (1)',
    'values row(1)',
    'table accounts',
    'select 1 into @a',
    'insert into accounts values (10, "a", 1)',
    'replace into accounts values (10, "a", 1)',
    'update accounts set cents = 1 where id = 2',
    'delete from accounts where id = 3',
    'show tables',
    'show create table accounts',
    'show engine innodb status',
    'desc accounts',
    'describe accounts',
    'explain accounts',
    'explain select 1',
    'explain analyze select 1',
    'explain analyze delete a from accounts a join accounts b on a.id = b.id',
    'savepoint another',
    'release savepoint another',
    'rollback to here',
    'rollback work to savepoint here',
  ])('%s', async (statement) => {
    expect(new Statement(sql.raw(statement).compile(db), []).mayCommit).toBe(false)
    const session = await begun()
    await session.run('savepoint here')
    await session.run('savepoint another')
    await session.errnoOf(statement)
    expect(await session.errnoOf('rollback to here')).toBeUndefined()
    await session.run('rollback')
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

describe('commits, so that the savepoint is gone:', () => {
  const both = ['check table accounts', 'analyze table accounts', 'create role another', 'drop role another']
  const mariadb = [
    'create temporary sequence made',
    'set default role none',
    'set statement max_statement_time = 1 for commit',
    "execute immediate 'commit'",
    'begin not atomic commit; start transaction; end',
    'if 1 then commit; end if',
    'backup stage start',
    'reset slave',
    // Also where it fails.
    "set password = 'a'",
  ]
  const mysql = [
    'load index into cache accounts',
    'cache index accounts in default',
    'stop replica',
    'start replica',
    "change replication source to source_host = 'nowhere'",
    "import table from 'nowhere.sdi'",
  ]
  test.each([...both, ...(fixture.server.kind === 'mariadb' ? mariadb : mysql)])('%s', async (statement) => {
    const session = await begun()
    await session.run('savepoint here')
    await session.errnoOf(statement)
    expect(await session.errnoOf('rollback to here')).toBe(1305)
    await session.run('rollback')
    expect(await fixture.balances()).toEqual(COMMITTED)
    // For the others.
    await session.errnoOf('backup stage end')
  })
})

describe('a transaction', () => {
  test('is begun by COMMIT, too, if completion_type is CHAIN', async () => {
    const session = await begun()
    await session.run("set completion_type = 'CHAIN'")
    expect(isInTransaction(await session.run('commit'))).toBe(true)
    await session.run("set completion_type = 'NO_CHAIN'")
    expect(isInTransaction(await session.run('commit'))).toBe(false)
  })

  test('keeps its isolation level to its end', async () => {
    const session = await begun()
    expect(await session.errnoOf('set transaction isolation level serializable')).toBe(1568)
  })

  test('that is read only takes neither writes nor locks', async () => {
    const session = await open()
    await session.run('start transaction read only')
    expect(await session.errnoOf('update accounts set cents = 0')).toBe(1792)
    expect(await session.errnoOf('select * from accounts for update')).toBe(1792)
  })
})
