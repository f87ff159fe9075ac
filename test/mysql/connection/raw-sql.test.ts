/** What the text of raw SQL tells, however it is written. */
import { all, many, one, type Query } from '@leasehold/core'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
const isMariadb = fixture.server.kind === 'mariadb'
beforeEach(() => fixture.restore())

/** The types take raw SQL for what writes. */
const reading = <T>(query: Query<T>): Query<T, 'read'> => query as Query<T, 'read'>

const raw = (text: string) => sql.raw(text).compile(db)

describe('what would end the transaction is refused before it is sent:', () => {
  test.each([
    '--\nbegin',
    '--\tnow\r\nbegin',
    '-- a\n# b\n/* c */commit',
    'commit-- now',
    'commit/**/and/**/chain',
    'start/**/transaction',
    'start -- now\n transaction',
    'rollback/* to */work',
    'rollback and chain',
    'lock/**/tables accounts write',
    'unlock\ntables',
    'xa/**/begin "a"',
    '/*M! commit */',
    '/*!99999 select */ commit',
    '/*!40000 insert */ /*!99999 into */ /*M! commit */',
    'create/**/table made (id int)',
    'create /*!50000 or */ replace table made (id int)',
    'create temporary sequence made',
    'analyze/**/no_write_to_binlog table accounts',
    'load index into cache accounts',
    'cache index accounts in default',
    'start replica',
    'stop slave',
    'reset slave',
    "change replication source to source_host = 'nowhere'",
    "change master to master_host = 'nowhere'",
    'backup stage start',
    'set default role none',
    "set/**/password = 'a'",
    "execute immediate 'commit'",
    "execute immediate 'com' 'mit'",
    "execute immediate 'com\\mit'",
    'execute immediate "begin"',
    "execute immediate '-- now\\ncommit'",
    "execute immediate 'execute immediate ''commit'''",
    "prepare made from 'commit'",
    'begin not atomic insert into accounts values (10, "a", 1); commit; start transaction; end',
    'begin not atomic declare exit handler for sqlexception rollback; select 1; end',
    'if 1 then commit; end if',
    "begin not atomic execute immediate 'commit'; end",
    'set statement max_statement_time = 1 for commit',
  ])('%s', async (text) => {
    const uow = fixture.uow()
    const running = uow.run(async (q) => {
      await q(accounts.add(1, 1))
      await q(raw(text))
    })
    await expect(running).rejects.toMatchObject({ name: 'UsageError' })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

describe('what would not is run:', () => {
  test.each([
    'savepoint a; rollback/**/to a; rollback work to savepoint a; release savepoint a',
    "select 'commit; begin' as `commit`",
    'select 1 -- \u2028commit',
    'do truncate(1.5, 1)',
    "prepare made from 'select ''commit'''; execute made; drop prepare made",
    'create temporary table made (id int); drop temporary table made',
    ...(isMariadb
      ? [
          "begin not atomic declare truncated int; select truncate(1.5, 1), 'commit'; begin end; end",
          'if 1 then select 1; end if',
          'set statement max_statement_time = 1 for select 1',
          "execute immediate 'select 1'",
        ]
      : ['lock instance for backup; unlock instance', 'reset persist']),
  ])('%s', async (text) => {
    const statements = text.startsWith('begin') || text.startsWith('if') ? [text] : text.split('; ')
    await fixture.uow().run(async (q) => {
      await q(accounts.add(1, 1))
      for (const statement of text.startsWith("select 'commit") ? [text] : statements) await q(raw(statement))
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })
})

describe('a function that writes, whatever its name,', () => {
  const NAMES = ['`menü`', '`扣款`', '`a$b`', '`count`', '`two words`']
  const made = (name: string) => `${fixture.database.name}.${name}`

  beforeAll(async () => {
    for (const name of NAMES) {
      await fixture.oracle.query(
        `create function ${made(name)} (by_cents int) returns int modifies sql data ` +
          'begin update accounts set cents = cents + by_cents where id = 1; return 1; end',
      )
    }
  })
  afterAll(async () => {
    for (const name of NAMES) await fixture.oracle.query(`drop function ${made(name)}`)
  })

  test.each([
    'menü(1)',
    '扣款(1)',
    'a$b(1)',
    'menü (1)',
    'menü/**/(1)',
    'menü -- now\n(1)',
    '`menü`(1)',
    '`two words`(1)',
    'count (1)',
    '`count`(1)',
  ])('does not stay where its unit fails: %s', async (call) => {
    const calling = one(db.selectNoFrom(sql.raw(call).as('done')))
    const failing = one(db.selectNoFrom(sql`(select 1 union select 2)`.as('failing')))
    await expect(fixture.uow().run(all([calling, failing]))).rejects.toMatchObject({ errno: 1242 })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await fixture.uow().run(calling)
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('is called by a qualified name that an aggregate has', async () => {
    const calling = one(db.selectNoFrom(sql.raw(`${fixture.database.name}.count(1)`).as('done')))
    const failing = one(db.selectNoFrom(sql`(select 1 union select 2)`.as('failing')))
    await expect(fixture.uow().run(all([calling, failing]))).rejects.toMatchObject({ errno: 1242 })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

describe.runIf(isMariadb)('what MariaDB alone has:', () => {
  test('a lone write with RETURNING in raw SQL is undone if its value is refused', async () => {
    const uow = fixture.uow({ bigints: 'number' })
    const insert = db
      .insertInto('accounts')
      .values({ name: 'large', cents: 1 })
      .modifyEnd(sql`returning 9007199254740993 as large`)
    await expect(uow.run(many(insert))).rejects.toMatchObject({ name: 'ResultError' })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test.each(['next value for counter', 'nextval(counter)', 'setval(counter, 9)'])(
    'a sequence is changed in no read: %s',
    async (text) => {
      await fixture.oracle.query('create or replace sequence counter')
      const uow = fixture.uow()
      const next = one(db.selectNoFrom(sql.raw(text).as('next')))
      await expect(uow.read(next)).rejects.toMatchObject({ name: 'UsageError' })
      await expect(uow.read(reading(many(raw(`select ${text} as next`))))).rejects.toMatchObject({
        name: 'UsageError',
      })
      await uow.run(next)
      await fixture.oracle.query('drop sequence counter')
    },
  )
})
