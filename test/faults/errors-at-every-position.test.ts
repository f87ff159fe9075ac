import { affected, all, one, type Query, type RunOptions, type UnitOfWork } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { sql } from 'kysely'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, eventually, UNTOUCHED, useFixture } from '../mysql/support/fixture.ts'

/** A table with one of every constraint, and with a row that refers to account 9. */
interface Database {
  cards: { id: number; account: number; pin: string | null; cents: number }
}

const db = mysqlBuilder<Database>()
const insert = (card: Partial<Database['cards']>): Query<number> =>
  affected(db.insertInto('cards').values({ id: 2, account: 1, pin: '0000', cents: 0, ...card })).named(
    'faulty',
  )

const fixture = useFixture()
beforeAll(async () => {
  await fixture.oracle.query(
    'create table cards (id int primary key, account int not null, pin varchar(4) not null, cents int not null, ' +
      'foreign key (account) references accounts (id), check (cents >= 0))',
  )
})
beforeEach(async () => {
  await fixture.oracle.query('delete from cards')
  await fixture.restore()
  await fixture.oracle.query("insert into cards values (1, 9, '1234', 0)")
})
afterEach(() => fixture.oracle.query('rollback'))

const SIZE = 5
const positions = Array.from({ length: SIZE }, (_, index) => index)

/** A flight of writes with `query` among them, at `position`. */
function flightWith(position: number, query: Query<unknown>): Query<unknown> {
  return all(positions.map((place) => (place === position ? query : accounts.add(place + 1, 1))))
}

const session = one(mysqlBuilder<Database>().selectNoFrom(sql<number>`connection_id()`.as('id')))

/** Runs the flight, which must fail, and sees to it that nothing is left and the same session goes on. */
async function failureOf(
  uow: UnitOfWork,
  flight: Query<unknown>,
  options: RunOptions = {},
): Promise<unknown> {
  const before = await uow.run(session)
  const failure = await uow.run(flight, options).then(
    (value) => expect.fail(`expected the unit to fail, got ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  expect(await fixture.rows('select id, account, pin, cents from cards')).toEqual([
    { id: 1, account: 9, pin: '1234', cents: 0 },
  ])
  expect(await uow.run(session)).toEqual(before)
  expect(await uow.run(accounts.add(1, 1))).toBe(1)
  return failure
}

const refused: Readonly<Record<string, Query<unknown>>> = {
  'foreign-key': insert({ account: 404 }),
  data: insert({ pin: '12345' }),
  'not-null': insert({ pin: null }),
  check: insert({ cents: -1 }),
  syntax: affected(db.updateTable('cards').set({ cents: sql`1 1` })).named('faulty'),
  'unknown-name': affected(db.updateTable('cards').set({ cents: sql`dollars` })).named('faulty'),
}

/** Reads more than anybody has time for. MySQL's limit holds for SELECT only, and not for SLEEP. */
const endless = one(
  db.selectNoFrom(
    sql`(select sum(crc32(concat(a.id, b.id, c.id, d.id))) from accounts a, accounts b, accounts c,
      accounts d, accounts e, accounts f, accounts g, accounts h, accounts i)`.as('sum'),
  ),
).named('faulty')

const unfit = [
  { shape: 'one without a row', query: one(db.selectFrom('cards').select('id').where('id', '=', 404)) },
  {
    shape: 'affected without a row',
    query: affected(db.deleteFrom('cards').where('id', '=', 404), { exactly: 1 }),
  },
  {
    shape: 'affected with too many rows',
    query: affected(db.updateTable('cards').set({ cents: 1 }), { exactly: 0 }),
  },
]

describe.each([true, false])('with pipeline: %s, nothing remains, and the session goes on,', (pipeline) => {
  const uowOfOne = (): UnitOfWork => fixture.uow({ pipeline, pool: { max: 1 } })

  describe.each(positions)('after statement %i', (position) => {
    const index = pipeline ? position : 0

    test.each(Object.entries(refused))('was refused: %s', async (kind, query) => {
      expect(await failureOf(uowOfOne(), flightWith(position, query))).toMatchObject({
        name: 'StatementError',
        kind,
        label: 'faulty',
        index,
      })
    })

    test.each(unfit)('did not fit: $shape', async ({ query }) => {
      expect(await failureOf(uowOfOne(), flightWith(position, query.named('faulty')))).toMatchObject({
        name: 'ResultError',
        label: 'faulty',
      })
    })

    test('was killed', async () => {
      await fixture.oracle.query('begin')
      await fixture.oracle.query('select * from accounts where id = 9 for update')
      const killed = eventually(async () => {
        const waiting = (await fixture.sessions()).find(({ statement }) => statement?.includes('`id` = 9'))
        if (waiting === undefined) return false
        await fixture.oracle.query(`kill query ${waiting.id}`)
        await fixture.oracle.query('rollback')
        return true
      })
      const failure = await failureOf(uowOfOne(), flightWith(position, accounts.add(9, 1)))
      await killed
      expect(failure).toMatchObject({ kind: 'killed', errno: 1317, label: 'accounts.add', index })
    })

    test('took longer than the server allows', async () => {
      const limit = { statementTimeout: 100 }
      const failure = await failureOf(uowOfOne(), flightWith(position, endless), limit)
      // The time limit travels in front.
      expect(failure).toMatchObject({
        kind: 'statement-timeout',
        label: 'faulty',
        index: pipeline ? index + 1 : 0,
      })
    })
  })
})
