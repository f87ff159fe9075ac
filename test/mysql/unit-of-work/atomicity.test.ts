import { all, attempt, fail, type Query } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

class Refusal extends Error {}

const SIZE = 5
const positions = Array.from({ length: SIZE }, (_, index) => index)

/** A flight of writes with `query` among them, at `position`. */
function flightWith(position: number, query: Query<unknown>): Query<unknown> {
  return all(positions.map((place) => (place === position ? query : accounts.add(place + 1, 1))))
}

describe.each([true, false])('with pipeline: %s, nothing remains of a unit', (pipeline) => {
  test.each(positions)('whose statement %i meets a duplicate key', async (position) => {
    const uow = fixture.uow({ pipeline })
    await expect(uow.run(flightWith(position, accounts.open('account 9', 1)))).rejects.toMatchObject({
      name: 'StatementError',
      kind: 'duplicate-key',
      label: 'accounts.open',
      index: pipeline ? position : 0,
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(await uow.run(accounts.add(1, 1))).toBe(1)
  })

  test.each(positions)('in which a check on the result of statement %i fails', async (position) => {
    const uow = fixture.uow({ pipeline })
    await expect(uow.run(flightWith(position, accounts.add(404, 1)))).rejects.toMatchObject({
      name: 'ResultError',
      expected: '1 affected row',
      actual: '0',
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test.each(positions)('in which the step after statement %i throws', async (position) => {
    const refusal = new Refusal()
    const refused = accounts.add(position + 1, 1).andThen(() => fail(refusal))
    await expect(fixture.uow({ pipeline }).run(flightWith(position, refused))).rejects.toBe(refusal)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test.each(positions)('whose statement %i waits too long for a lock', async (position) => {
    const uow = fixture.uow({ pipeline })
    await fixture.oracle.query('begin')
    await fixture.oracle.query('update accounts set cents = 0 where id = 9')
    try {
      await expect(
        uow.run(async (q) => {
          await q(sql`set innodb_lock_wait_timeout = 1`.compile(db))
          await q(flightWith(position, accounts.add(9, 1)))
        }),
      ).rejects.toMatchObject({ kind: 'lock-timeout', errno: 1205, label: 'accounts.add' })
    } finally {
      await fixture.oracle.query('rollback')
    }
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test.each(positions)('whose statement %i is the victim of a deadlock', async (position) => {
    const uow = fixture.uow({ pipeline })
    await withRival(fixture, async (rival) => {
      const work = uow.run(async (q) => {
        await q(accounts.lock(8))
        await rival.waitForUnit()
        await q(flightWith(position, accounts.add(9, 1)))
      })
      await expect(work).rejects.toMatchObject({ kind: 'deadlock', errno: 1213 })
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(await uow.run(accounts.add(1, 1))).toBe(1)
  })
})

test('a body that throws leaves nothing behind, and its own error comes out', async () => {
  const uow = fixture.uow()
  const refusal = new Refusal()
  await expect(
    uow.run(async (q) => {
      await q(accounts.add(1, 1))
      void q(accounts.add(2, 1))
      throw refusal
    }),
  ).rejects.toBe(refusal)
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('a failure that the body swallowed still fails the unit', async () => {
  const uow = fixture.uow()
  await expect(
    uow.run(async (q) => {
      await q(accounts.add(1, 1))
      await q(accounts.open('account 9', 1)).catch(() => 'never mind')
      return 'done'
    }),
  ).rejects.toMatchObject({ kind: 'duplicate-key' })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

describe('a commit that nobody asked for', () => {
  beforeAll(() => fixture.oracle.query('create procedure committing() commit'))
  const committing = sql`call committing()`

  test('is reported as partial work', async () => {
    const uow = fixture.uow()
    await expect(
      uow.run(async (q) => {
        await q(accounts.add(1, 1))
        await q(committing.compile(db))
      }),
    ).rejects.toMatchObject({ name: 'ImplicitCommitError', sql: 'call committing()' })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('so is one in the very first statement, and one by SET autocommit', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    for (const statement of [committing, sql`set autocommit = 1`]) {
      await expect(
        uow.run(async (q) => {
          await q(statement.compile(db))
          await q(accounts.add(1, 1))
        }),
      ).rejects.toMatchObject({ name: 'ImplicitCommitError' })
    }
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  describe('by what then fails', () => {
    beforeAll(() =>
      fixture.oracle.query(
        "create procedure half() begin commit; signal sqlstate '45000' set message_text = 'half'; end",
      ),
    )
    const half = sql`call half()`

    test('is reported all the same, with the failure for its cause', async () => {
      const uow = fixture.uow()
      for (const query of [half.compile(db), attempt(half.compile(db))]) {
        await fixture.restore()
        const running = uow.run(async (q) => {
          await q(accounts.add(1, 1))
          await q(query)
        })
        await expect(running).rejects.toMatchObject({
          name: 'ImplicitCommitError',
          sql: 'call half()',
          cause: { name: 'StatementError', serverMessage: 'half' },
        })
        expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
      }
    })
  })

  test('raw SQL that fails and commits nothing is rolled back, with its own error', async () => {
    const uow = fixture.uow()
    const running = uow.run(async (q) => {
      await q(accounts.add(1, 1))
      await q(sql`call nowhere()`.compile(db))
    })
    await expect(running).rejects.toMatchObject({ name: 'StatementError', errno: 1305 })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

test.each([
  'begin',
  ' /* now */ START  TRANSACTION',
  'commit',
  '/*!40101 commit */',
  'rollback',
  'lock tables accounts write',
  '-- x\nxa end 1',
  // It exists, and what fails commits all the same.
  'create table accounts (id int)',
  '/* now */ alter table accounts add column name int',
  '/*!40000 ALTER TABLE accounts DISABLE KEYS */',
  'drop table missing',
  'truncate missing',
  'rename table missing to lost',
  'grant select on missing.* to nobody',
  'analyze local table accounts',
  'check table accounts',
  'flush tables',
])('raw SQL that would end the transaction is refused before it is sent: %s', async (text) => {
  const uow = fixture.uow()
  await expect(
    uow.run(async (q) => {
      await q(accounts.add(1, 1))
      await q(sql.raw(text).compile(db))
    }),
  ).rejects.toMatchObject({ name: 'UsageError' })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test.each([
  'create temporary table made (id int)',
  'drop temporary table if exists made',
  "prepare made from 'select 1'; drop prepare made",
  "select 'commit'",
  '/* alter table */ select 1 as created',
])('other raw SQL is not: %s', async (text) => {
  const uow = fixture.uow()
  await uow.run(async (q) => {
    await q(accounts.add(1, 1))
    for (const statement of text.split('; ')) await q(sql.raw(statement).compile(db))
  })
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})

test('a definition that Kysely built is refused before it is sent', async () => {
  const uow = fixture.uow()
  await expect(
    uow.run(async (q) => {
      await q(accounts.add(1, 1))
      await q(db.schema.createTable('made').addColumn('id', 'integer'))
    }),
  ).rejects.toThrow(/CreateTable can't be run inside of a unit/)
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  expect(await fixture.rows("show tables like 'made'")).toEqual([])
})

test('a temporary table is none of these', async () => {
  const uow = fixture.uow()
  await uow.run(async (q) => {
    await q(accounts.add(1, 1))
    await q(db.schema.createTable('made').temporary().addColumn('id', 'integer'))
  })
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})
