import { affected, all, many, one, program, type Query, succeed, UsageError } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { CamelCasePlugin, sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

test('a program runs in one transaction and is committed', async () => {
  const uow = fixture.uow()
  const transfer = program(function* () {
    const payer = yield* accounts.lock(1)
    yield* all([accounts.add(1, -30), accounts.add(2, 30)])
    return payer.name
  })
  expect(await uow.run(transfer)).toBe('account 1')
  expect(await uow.run(transfer)).toBe('account 1')
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 40, 2: 160 })
})

test('a body sees what it wrote, others do not until it is committed', async () => {
  const uow = fixture.uow()
  await uow.run(async (q) => {
    await q(accounts.add(1, 5))
    expect(await q(accounts.byId(1))).toEqual({ id: 1, name: 'account 1', cents: 105 })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 105 })
})

test('tasks of a body share the connection and its transaction', async () => {
  const uow = fixture.uow()
  const ids = await uow.run((q) =>
    Promise.all(
      [1, 2, 3].map(
        async () => (await q(one(sql<{ id: number }>`select connection_id() as id`.compile(db)))).id,
      ),
    ),
  )
  expect(new Set(ids).size).toBe(1)
})

test('a lone write, and a unit that only reads, are over in one flight', async () => {
  const uow = fixture.uow()
  const id = await uow.run(db.insertInto('accounts').values({ name: 'new', cents: 7 }))
  expect(id[0]?.insertId).toBeGreaterThan(9n)
  expect(await uow.run(accounts.all())).toHaveLength(10)
  await fixture.unlocked()
})

test('nothing to send takes no connection', async () => {
  const uow = fixture.uow({ host: '127.0.0.1', port: 1, uri: 'mysql://nobody@127.0.0.1:1/' })
  expect(await uow.run(succeed(1))).toBe(1)
})

test.each(['read uncommitted', 'read committed', 'repeatable read', 'serializable'] as const)(
  'isolation level %s holds for the unit and for no other',
  async (isolationLevel) => {
    const uow = fixture.uow({ pool: { max: 1 } })
    await fixture.oracle.query('begin')
    await fixture.oracle.query('update accounts set cents = 1 where id = 1')
    const dirty = program(function* () {
      const { cents } = yield* accounts.byId(2)
      return cents
    })
    const seen = await uow.run(
      isolationLevel === 'serializable' ? dirty : accounts.byId(1).map(({ cents }) => cents),
      {
        isolationLevel,
      },
    )
    const after = await uow.run(accounts.byId(1))
    await fixture.oracle.query('rollback')
    expect(seen).toBe(isolationLevel === 'read uncommitted' ? 1 : 100)
    expect(after.cents).toBe(100)
  },
)

test('read refuses writes and locking reads', async () => {
  const uow = fixture.uow()
  const write = accounts.add(1, 1) as Query<number> as Query<number, 'read'>
  await expect(uow.read(write)).rejects.toThrow(UsageError)
  await expect(uow.read(accounts.lock(1))).rejects.toThrow(UsageError)
  expect(await uow.read(accounts.byId(1))).toMatchObject({ cents: 100 })
  expect(await uow.run(accounts.add(1, 1))).toBe(1)
})

test('in read the server refuses a write that neither types nor text tell', async () => {
  const uow = fixture.uow()
  await fixture.oracle.query(
    'create function spend() returns int modifies sql data begin update accounts set cents = 0; return 1; end',
  )
  try {
    await fixture.oracle.query('create view spending as select spend() as spent')
    const spend = db.selectNoFrom(sql`spend()`.as('spent'))
    const spending = db.$extendTables<{ spending: { spent: number } }>().selectFrom('spending').selectAll()
    for (const query of [spend, spending]) {
      await expect(uow.read(query)).rejects.toMatchObject({ kind: 'read-only', errno: 1792 })
    }
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  } finally {
    await fixture.oracle.query('drop view if exists spending')
    await fixture.oracle.query('drop function spend')
  }
})

test('snapshot: reads see the data as of the first flight', async () => {
  const uow = fixture.uow()
  const cents = await uow.read(
    async (q) => {
      await q(accounts.byId(2))
      await fixture.oracle.query('update accounts set cents = 0 where id = 1')
      return (await q(accounts.byId(1))).cents
    },
    { snapshot: true },
  )
  expect(cents).toBe(100)
})

test('plugins of the builder apply to the query and to its rows', async () => {
  const camel = mysqlBuilder<{ accounts: { id: number; cents: number } }>({
    plugins: [new CamelCasePlugin()],
  })
  const uow = fixture.uow()
  const query = one(
    camel
      .selectFrom('accounts')
      .select((e) => e.ref('cents').as('centsLeft'))
      .where('id', '=', 1),
  )
  expect(await uow.run(query)).toEqual({ centsLeft: 100 })
})

test('withSchema reaches another schema', async () => {
  const uow = fixture.uow()
  const rows = many(db.withSchema(fixture.database.name).selectFrom('accounts').select('id'))
  expect(await uow.run(rows)).toHaveLength(9)
})

test('one statement after another gives the same as flights do', async () => {
  const work = program(function* () {
    const [a, b] = yield* all([accounts.byId(1), accounts.byId(2)])
    yield* all([accounts.add(a.id, -1), accounts.add(b.id, 1)])
    return yield* accounts.all()
  })
  const together = await fixture.uow({ pipeline: true }).run(work)
  await fixture.restore()
  expect(await fixture.uow({ pipeline: false }).run(work)).toEqual(together)
})

test('a unit of 10 000 statements', async () => {
  const uow = fixture.uow()
  const results = await uow.run(
    all(Array.from({ length: 10_000 }, (_, index) => accounts.add((index % 9) + 1, 1))),
  )
  expect(results).toHaveLength(10_000)
  expect(Object.values(await fixture.balances()).reduce((sum, cents) => sum + cents, 0)).toBe(10_900)
})

test('each of 20 000 answers is that of its own statement', async () => {
  const numbers = Array.from({ length: 20_000 }, (_, index) => index)
  const answers = await fixture
    .uow()
    .run(all(numbers.map((n) => one(db.selectNoFrom(sql<number>`${n}`.as('n'))).map((row) => row.n))))
  expect(answers).toEqual(numbers)
})

test('an insert of 100 000 values', async () => {
  const rows = Array.from({ length: 50_000 }, (_, index) => ({ name: `row ${index}`, cents: index }))
  expect(await fixture.uow().run(affected(db.insertInto('accounts').values(rows)))).toBe(50_000)
})

test('a flight larger than what may be under way at once comes through', async () => {
  const uow = fixture.uow()
  const text = 'x'.repeat(300_000)
  const query = (): ReturnType<typeof one> => one(sql<{ n: number }>`select length(${text}) as n`.compile(db))
  const long = db
    .selectFrom('accounts')
    .select((e) => e.fn('length', [e.val(text)]).as('n'))
    .where('id', '=', 1)
  expect(await uow.run(all(Array.from({ length: 40 }, () => one(long))))).toEqual(
    Array.from({ length: 40 }, () => ({ n: 300_000 })),
  )
  expect(await uow.run(query())).toEqual({ n: 300_000 })
})
