/** Messages of errors that really come up: bounded, and without values. */
import { affected, many } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const SECRET = 'top secret 4711'
const MANY = Array.from({ length: 5_000 }, (_, index) => index + 1)

async function failureOf(work: Parameters<ReturnType<typeof fixture.uow>['run']>[0]): Promise<Error> {
  const error: unknown = await fixture
    .uow()
    .run(work)
    .catch((e: unknown) => e)
  expect(error).toBeInstanceOf(Error)
  expect((error as Error).message.length).toBeLessThanOrEqual(500)
  return error as Error
}

describe('a refused value is in no message:', () => {
  test('a duplicate', async () => {
    await fixture.oracle.query('update accounts set name = ? where id = 9', [SECRET])
    const error = await failureOf(accounts.open(SECRET, 1))
    expect(error.message).toMatch(
      /^Duplicate entry '…' for key '(accounts\.)?name' \(1062, 23000\) in accounts\.open$/,
    )
    expect(error).toMatchObject({ serverMessage: expect.stringContaining(SECRET) as string })
  })

  test.each([
    ['of another type', sql<number>`${SECRET}`],
    ['in an expression', sql<number>`cast(${4711} as unsigned) - 18446744073709551615 - ${4711}`],
    ['that is signalled', sql<number>`leaking()`],
    ['in a syntax error', sql<number>`((${SECRET})`],
  ])('one %s', async (_, value) => {
    await fixture.oracle.query('drop function if exists leaking')
    await fixture.oracle.query(
      "create function leaking() returns int deterministic begin signal sqlstate '45000' set message_text = " +
        `'${SECRET}'; return 1; end`,
    )
    const error = await failureOf(
      affected(db.updateTable('accounts').set({ cents: value }).where('id', '=', 1)),
    )
    expect(error.name).toBe('StatementError')
    expect(error.message).not.toMatch(/secret|4711/)
  })

  test.runIf(fixture.server.kind === 'mariadb')('text that is no JSON', async () => {
    await fixture.oracle.query('create or replace table loose (j json)')
    await fixture.oracle.query(
      "set statement check_constraint_checks = 0 for insert into loose values ('secret 4711')",
    )
    const error = await failureOf(many(sql`select j from loose`.compile(db)))
    expect(error.message).not.toMatch(/secret|4711/)
    expect(error).toMatchObject({ name: 'ResultError', actual: expect.stringContaining('secret') as string })
  })
})

describe('the SQL of a large statement is not all in the message:', () => {
  const large = db.selectFrom('accounts').selectAll().where('id', 'in', MANY)

  test.each([
    ['of what the server refuses', large.where(sql<boolean>`nowhere = 1`), /nowhere|Unknown column/],
    [
      'of what can not be bound',
      large.where('name', '=', undefined as never),
      /parameter 5001 is undefined: pass null/,
    ],
  ])('%s', async (_, query, remedy) => {
    expect((await failureOf(many(query))).message).toMatch(remedy)
  })

  test('of what must not be read', async () => {
    const error: unknown = await fixture
      .uow()
      .read(many(large.forUpdate()))
      .catch((e: unknown) => e)
    expect((error as Error).message).toMatch(
      /is a locking read, and the unit only reads: run it with run, without accessMode 'read only'$/,
    )
  })
})
