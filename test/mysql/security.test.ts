import { all, one, UsageError } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from './support/fixture.ts'

const fixture = useFixture()

test('one text is one statement', async () => {
  const uow = fixture.uow()
  await expect(uow.run(sql`select 1; delete from accounts`.compile(db))).rejects.toMatchObject({
    kind: 'syntax',
  })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
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
