import { all, many, one, UsageError } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { type RawBuilder, sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

test('one text is one statement', async () => {
  const uow = fixture.uow()
  await expect(uow.run(sql`select 1; delete from accounts`.compile(db))).rejects.toMatchObject({
    kind: 'syntax',
  })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test.each<[string, (term: string) => RawBuilder<unknown>]>([
  ['in single quotes', (term) => sql`select id from accounts where name like '%${term}%'`],
  ['in double quotes', (term) => sql`select id from accounts where name like "%${term}%"`],
  ['as a name', (term) => sql`select \`${term}\` from accounts`],
  ['in a comment', (term) => sql`select id from accounts /* ${term} */ where id = 0`],
  ['in a comment that may be carried out', (term) => sql`select id from accounts /*!50000 where ${term} */`],
  ['at the end of a line', (term) => sql`select id from accounts where id = 0 -- ${term}`],
  ['behind a hash', (term) => sql`select id from accounts where id = 0 # ${term}`],
  ['behind a quote that is never closed', (term) => sql`select id from accounts where name = 'a\\' ${term}`],
])('a value can not stand %s', async (_, statement) => {
  const uow = fixture.uow()
  for (const term of ['" or 1=1 -- ', "' or 1=1 -- ", '*/ or 1=1 -- ', '\n or 1=1']) {
    const found = uow.run(many(statement(term).compile(db)))
    await expect(found).rejects.toThrow(UsageError)
    await expect(found).rejects.toThrow("concat('%', ${value}, '%')")
  }
})

test('a fragment within a builder is looked at as well, on all ways to the server', async () => {
  const uow = fixture.uow()
  const find = (term: string) =>
    many(
      db
        .selectFrom('accounts')
        .select('id')
        .where(sql<boolean>`name like '%${term}%'`),
    )
  const term = "' or 1=1 -- "
  await expect(uow.read(find(term))).rejects.toThrow(UsageError)
  await expect(uow.explain(find(term))).rejects.toThrow(UsageError)
  await expect(
    (async () => {
      for await (const row of uow.stream(find(term))) throw new Error(`row ${row.id}`)
    })(),
  ).rejects.toThrow(UsageError)
})

test('question marks that stand for no value are left alone', async () => {
  const asked = sql<{ a: string; b: string }>`select 'why?' as a, ${'why not?'} as b /* really? */`
  expect(await fixture.uow().run(one(asked.compile(db)))).toEqual({ a: 'why?', b: 'why not?' })
  const escaped = sql<{ a: string; b: number }>`select 'it\\'s' as a, ${7} as b where 'that\\'s' = 'that''s'`
  expect(await fixture.uow().run(one(escaped.compile(db)))).toEqual({ a: "it's", b: 7 })
})

test('the server can not ask for files', async () => {
  const uow = fixture.uow()
  await fixture.oracle.query('set global local_infile = 1')
  await expect(
    uow.run(sql`load data local infile '/etc/hosts' into table accounts (name)`.compile(db)),
  ).rejects.toMatchObject({ name: 'StatementError' })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  expect(await uow.run(accounts.all())).toHaveLength(9)
})

test.each(['multipleStatements=true', 'flags=MULTI_STATEMENTS', 'typeCast=false', '__proto__=1'])(
  'a uri can not turn on %s',
  (parameter) => {
    expect(() => mysqlDriver({ uri: `mysql://root@localhost/x?${parameter}` })).toThrow(UsageError)
  },
)

test.each(['postgres://localhost/x', 'localhost:3306', ''])('not a uri of a MySQL server: %j', (uri) => {
  expect(() => mysqlDriver({ uri })).toThrow(/mysql:\/\/user:password@host:port\/database/)
})

// Debian's MariaDB 10.11 comes without a certificate, MySQL makes itself one.
const encrypts = inject('server').kind === 'mysql'
const cipher = one(sql<{ Value: string }>`show status like 'Ssl_cipher'`.compile(db))
const unverified = { ssl: { rejectUnauthorized: false, verifyIdentity: false } }

test.runIf(encrypts)('flights travel encrypted', async () => {
  const uow = fixture.uow(unverified)
  expect((await uow.run(cipher)).Value).not.toBe('')
  const reads = Array.from({ length: 200 }, (_, index) => accounts.byId((index % 9) + 1))
  expect(await uow.run(all(reads))).toHaveLength(200)
})

test.runIf(encrypts)('a certificate that nobody vouches for is refused', async () => {
  await expect(fixture.uow({ ssl: true }).run(cipher)).rejects.toMatchObject({ name: 'AcquireError' })
})

test.runIf(!encrypts)('a server without TLS is refused when TLS is asked for', async () => {
  await expect(fixture.uow(unverified).run(cipher)).rejects.toThrow(/does not support secure connection/)
})
