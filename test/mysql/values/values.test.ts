import { affected, all, inserted, many, one, ResultError, UsageError } from '@leasehold/core'
import { mysqlBuilder, type MysqlDriverOptions } from '@leasehold/mysql'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { HOSTILE } from '../support/hostile-strings.ts'

const fixture = useFixture()

const echo = (value: unknown) => one(db.selectNoFrom(sql`${value}`.as('value'))).map((row) => row.value)

test('strings come back as they are, and are data', async () => {
  const uow = fixture.uow()
  expect(await uow.run(all(HOSTILE.map(echo)))).toEqual(HOSTILE)
  expect(await uow.run(db.selectFrom('accounts').selectAll().where('name', 'in', HOSTILE))).toEqual([])
})

test('question marks in the text of a statement are no placeholders', async () => {
  const query = one(db.selectNoFrom(sql<string>`concat('?', ${'a'}, ' ? ' /* ? */, ${'b'})`.as('value')))
  expect(await fixture.uow().run(query)).toEqual({ value: '?a ? b' })
})

test('a value is not joined to what it stands next to', async () => {
  const texts = [sql`${'a'}${'b'}`, sql`'a'${'b'}`, sql`${'a'}'b'`]
  for (const text of texts) {
    const unit = fixture.uow().run(one(db.selectNoFrom(text.as('value'))))
    await expect(unit).rejects.toThrow(/is next to a string or another placeholder/)
  }
  await expect(fixture.uow().run(one(db.selectNoFrom(sql`x${'61'}`.as('value'))))).rejects.toThrow(/x|syntax/)
})

test('a unit that changes sql_mode has the next values escaped for it', async () => {
  const uow = fixture.uow()
  const seen = await uow.run(async (q) => {
    await q(sql`set sql_mode = 'NO_BACKSLASH_ESCAPES'`.compile(db))
    return Promise.all(HOSTILE.map((text) => q(echo(text))))
  })
  expect(seen).toEqual(HOSTILE)
  const together = all([
    one(sql`select 1 as one`.compile(db)),
    many(sql`set sql_mode = 'NO_BACKSLASH_ESCAPES'`.compile(db)),
    echo("\\'"),
  ])
  expect(await uow.run(together)).toMatchObject([{ one: 1 }, [], "\\'"])
  expect(await uow.run(all(HOSTILE.map(echo)))).toEqual(HOSTILE)
})

test.each([
  ['a list', [0, 1]],
  ['a list of one', ['x']],
  ['an object', { toString: () => '1' }],
  ['an object with toSqlString', { toSqlString: () => 'database()' }],
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['an invalid date', new Date(Number.NaN)],
  ['a symbol', Symbol('s')],
  ['a map', new Map()],
])('%s is refused where one value belongs, and nothing of the unit remains', async (_, bad) => {
  const uow = fixture.uow()
  const query = one(
    db
      .selectFrom('accounts')
      .selectAll()
      .where(sql<boolean>`name = ${bad}`),
  ).named('accounts.bad')
  const failing = uow.run(all([accounts.add(1, 1), query, accounts.add(2, 1)]))
  await expect(failing).rejects.toBeInstanceOf(UsageError)
  await expect(failing).rejects.toThrow('accounts.bad: parameter 1')
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test.each([
  ['a decimal number', 1.5, '1.5'],
  ['a negative number', -1, -1],
  ['an exponent', 1e21, 1e21],
  ['a bigint', 9007199254740991n, 9007199254740991],
  ['true', true, 1],
  ['null', null, null],
])('%s is taken', async (_, value, expected) => {
  expect(await fixture.uow().run(echo(value))).toEqual(expected)
})

test('bytes and dates are taken', async () => {
  const uow = fixture.uow()
  const bytes = Buffer.from([0, 39, 92, 255, 34])
  expect(await uow.run(echo(bytes))).toEqual(bytes)
  expect(await uow.run(echo(new Uint8Array(bytes)))).toEqual(bytes)
  const date = new Date('2026-03-29T01:30:00.123Z')
  const read = one(db.selectNoFrom(sql<Date>`cast(${date} as datetime(3))`.as('value')))
  expect(await uow.run(read)).toEqual({ value: date })
})

test('a limit can be a parameter', async () => {
  expect(
    await fixture.uow().run(db.selectFrom('accounts').select('id').orderBy('id').limit(2).offset(1)),
  ).toEqual([{ id: 2 }, { id: 3 }])
})

const big = '9223372036854775807'
const readBig = (options: Partial<MysqlDriverOptions>): Promise<{ large: unknown }> =>
  fixture.uow(options).run(one(db.selectNoFrom(sql`9223372036854775807`.as('large'))))

describe('BIGINT', () => {
  test('is never rounded silently', async () => {
    await expect(readBig({})).rejects.toThrow(ResultError)
    await expect(readBig({})).rejects.toThrow(/column large, got a value, .*bigints/)
  })

  test('comes as asked for', async () => {
    expect(await readBig({ bigints: 'bigint' })).toMatchObject({ large: BigInt(big) })
    expect(await readBig({ bigints: 'string' })).toMatchObject({ large: big })
  })

  test('a generated key that a number cannot hold is refused; the result object has it', async () => {
    await fixture.oracle.query('create table big (id bigint unsigned primary key auto_increment, x int)')
    await fixture.oracle.query('alter table big auto_increment = 9223372036854775900')
    const uow = fixture.uow()
    const insert = sql`insert into big (x) values (1)`.compile(db)
    await expect(uow.run(inserted(insert))).rejects.toThrow('9223372036854775900')
    expect(await fixture.rows('select * from big')).toEqual([])
    const other = db.$extendTables<{ big: { x: number } }>().insertInto('big').values({ x: 1 })
    const [result] = await uow.run(other)
    expect(result?.insertId).toBeGreaterThan(9223372036854775807n)
  })
})

test('a value on an error only if asked for', async () => {
  const insert = accounts.open('account 1', 4242)
  const hidden = await fixture
    .uow()
    .run(insert)
    .catch((error: unknown) => error)
  expect(JSON.stringify(hidden, Object.getOwnPropertyNames(hidden))).not.toContain('4242')
  expect(hidden).toHaveProperty('parameters', undefined)
  expect(hidden).not.toHaveProperty('cause')
  const shown = await fixture
    .uow({ exposeParameters: true })
    .run(insert)
    .catch((error: unknown) => error)
  expect(shown).toMatchObject({ parameters: ['account 1', 4242] })
})

const lengthOf = (bytes: number) =>
  one(db.selectNoFrom(sql<number>`length(${'x'.repeat(bytes)})`.as('value')))

test('a statement larger than max_allowed_packet is refused before it is written', async () => {
  const [row] = await fixture.rows<{ max: number }>('select @@max_allowed_packet as max')
  const max = row?.max ?? 0
  const uow = fixture.uow({ pool: { max: 1 } })
  await expect(uow.run(all([accounts.add(1, 1), lengthOf(max)]))).rejects.toThrow(UsageError)
  await expect(uow.run(lengthOf(max))).rejects.toThrow(/max_allowed_packet/)
  expect(await uow.run(lengthOf(max - 1000))).toEqual({ value: max - 1000 })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

describe('a decimal that is given as text', () => {
  test('is reckoned with by all of its 65 digits', async () => {
    const longest = `-${'9'.repeat(35)}.${'9'.repeat(30)}`
    await fixture.oracle.query('create table longest (id int primary key, d decimal(65,30) not null)')
    await fixture.oracle.query('insert into longest values (1, ?)', [longest])
    const things = mysqlBuilder<{ longest: { id: number; d: string } }>()
    const difference = one(things.selectFrom('longest').select((e) => e('d', '-', longest).as('none')))
    for (let use = 0; use < 4; use += 1) {
      expect(await fixture.uow({ pool: { max: 1 } }).run(difference)).toEqual({ none: `0.${'0'.repeat(30)}` })
    }
    await fixture.oracle.query('drop table longest')
  })

  interface Sums {
    sums: { id: number; total: string; big: string }
  }
  const sums = mysqlBuilder<Sums>()
  const stored = one(sums.selectFrom('sums').select(['total', 'big']).where('id', '=', 1))
  const change = (operator: '+' | '-' | '*', by: string) =>
    affected(
      sums.updateTable('sums').set((e) => ({ total: e('total', operator, by), big: e('big', operator, by) })),
    )

  beforeEach(async () => {
    await fixture.oracle.query(
      'create table sums (id int primary key, total decimal(40, 4) not null, big bigint not null)',
    )
    await fixture.oracle.query("insert into sums values (1, '12345678901234567890.1234', 9007199254740993)")
  })
  afterEach(() => fixture.oracle.query('drop table sums'))

  test.each([
    ['+', '0.0001', { total: '12345678901234567890.1235', big: '9007199254740993' }],
    ['-', '-9007199254740993', { total: '12354686100489308883.1234', big: '18014398509481986' }],
    ['*', '3', { total: '37037036703703703670.3702', big: '27021597764222979' }],
  ] as const)('is reckoned with exactly: %s %s', async (operator, by, expected) => {
    for (const preparedStatements of [0, 256]) {
      const uow = fixture.uow({ bigints: 'string', pool: { max: 1 }, preparedStatements })
      for (let use = 0; use < 4; use += 1) {
        const work = change(operator, by).andThen(() => stored)
        expect(await uow.sandbox((q) => q(work))).toEqual(expected)
      }
    }
  })
})
