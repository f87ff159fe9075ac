/** Values that can't be given, or sent, as they are: errors that say which, where and what to do. */
import { many, one, program, ResultError, UsageError } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { type RawBuilder, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { Column } from '../support/columns.ts'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

const read = (value: RawBuilder<unknown>) => one(db.selectNoFrom(value.as('odd'))).named('things.odd')

describe('a value that its type cannot hold is a ResultError', () => {
  test.each<[string, RawBuilder<unknown>, string, string]>([
    ['a BIGINT', sql`9007199254740992`, '9007199254740992', 'bigints'],
    ['a negative BIGINT', sql`-9007199254740992`, '-9007199254740992', 'bigints'],
    ['an unsigned BIGINT', sql`18446744073709551615`, '18446744073709551615', 'bigints'],
    [
      'an integer in JSON',
      sql`json_object('a', json_array(9007199254740993))`,
      '9007199254740993',
      'bigints',
    ],
    ['microseconds', sql`timestamp'2026-01-01 00:00:00.123456'`, '2026-01-01 00:00:00.123456', 'datetimes'],
    [
      'one microsecond',
      sql`timestamp'2026-01-01 00:00:00.000001'`,
      '2026-01-01 00:00:00.000001',
      'datetimes',
    ],
  ])('%s', async (_, value, shown, option) => {
    const failing = fixture.uow().run(read(value))
    await expect(failing).rejects.toBeInstanceOf(ResultError)
    await expect(failing).rejects.toThrow(
      new RegExp(`^things\\.odd: .* in column odd, got a value, .*option ${option} `),
    )
    await expect(failing).rejects.toMatchObject({
      actual: expect.stringMatching(`^${shown}, which a`) as string,
    })
    await expect(failing).rejects.not.toThrow(shown)
  })

  test('and so is a date that the calendar has not, if the sql_mode has let it in', async () => {
    const days = ['0000-00-00 00:00:00', '2026-02-30 10:00:00', '2026-00-10 00:00:00', '2026-10-00 00:00:00']
    const column = await Column.create(fixture, 'datetime')
    const text = fixture.uow({ datetimes: 'string' })
    for (const day of days) {
      const stored = text.run(
        program(function* () {
          yield* many(sql`set sql_mode = 'ALLOW_INVALID_DATES'`.compile(db))
          yield* column.clear()
          yield* column.put([day])
          return yield* column.take()
        }),
      )
      expect(await stored).toEqual([day])
      await expect(fixture.uow().run(column.take())).rejects.toMatchObject({
        message: expect.stringContaining(
          "a Date in column value, got a value, which a Date can't hold: set the driver's option datetimes to 'string'",
        ) as string,
        actual: expect.stringContaining(`${day}, which a Date can't hold`) as string,
      })
    }
  })

  test('the unit it was in is rolled back', async () => {
    const uow = fixture.uow()
    const unit = program(function* () {
      yield* accounts.add(1, 1)
      return yield* read(sql`9007199254740993`)
    })
    await expect(uow.run(unit)).rejects.toThrow(ResultError)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(await uow.run(read(sql`1`))).toEqual({ odd: 1 })
  })
})

/** MariaDB keeps the text of JSON, and so what MySQL refuses to store. */
describe.runIf(fixture.server.kind === 'mariadb')('JSON as text', () => {
  const stored = (text: string) => read(sql`json_extract(${text}, '$')`)

  test('with numbers beyond a double is refused', async () => {
    await expect(fixture.uow().run(stored('[1e400]'))).rejects.toThrow('a value, which is beyond a double')
    await expect(fixture.uow({ bigints: 'bigint' }).run(stored('[-1e400]'))).rejects.toThrow(
      'beyond a double',
    )
  })

  test('has integers beyond 64 bits as they are, or as doubles where they are such', async () => {
    const text = `[${'9'.repeat(30)}, 100000000000000000000]`
    await expect(fixture.uow().run(stored(text))).rejects.toMatchObject({
      actual: expect.stringContaining('9'.repeat(30)) as string,
    })
    expect(await fixture.uow({ bigints: 'bigint' }).run(stored(text))).toEqual({
      odd: [10n ** 30n - 1n, 1e20],
    })
  })

  test('that is none any more is refused, and the connection is sound', async () => {
    await fixture.rows('create table loose (j json)')
    await fixture.rows("set statement check_constraint_checks = 0 for insert into loose values ('{oops')")
    const uow = fixture.uow({ pool: { max: 1 } })
    await expect(uow.run(sql`select j from loose`.compile(db))).rejects.toThrow(
      /JSON in column j, got text that is not/,
    )
    expect(await uow.run(read(sql`1`))).toEqual({ odd: 1 })
  })
})

test.each<[string, unknown, string]>([
  ['a first half of a surrogate pair', 'a\ud83d', 'half a surrogate pair'],
  ['a second half', '\ude00b', 'half a surrogate pair'],
  ['halves in the wrong order', '\ude00\ud83d', 'half a surrogate pair'],
  ['a bigint longer than a DECIMAL', 10n ** 65n, 'more than 65 digits'],
  ['a negative one', -(10n ** 65n), 'more than 65 digits'],
  ['a Date after the year 9999', new Date(Date.UTC(10_000, 0)), 'years 0 to 9999'],
  ['a Date before the year 0', new Date(Date.UTC(-1, 11, 31)), 'years 0 to 9999'],
])('%s is refused before it is sent', async (_, value, why) => {
  const failing = fixture.uow().run(read(sql`${value}`))
  await expect(failing).rejects.toBeInstanceOf(UsageError)
  await expect(failing).rejects.toThrow(why)
})

test('an option that is none is refused', () => {
  const create = (options: object) => () => mysqlDriver(options)
  expect(create({ bigints: 'float' })).toThrow(
    "bigints: expected one of 'number', 'bigint', 'string', got 'float'",
  )
  expect(create({ datetimes: 'dates' })).toThrow("datetimes: expected one of 'date', 'string', got 'dates'")
})

describe('a placeholder of raw SQL', () => {
  const value = 5
  const text = 'x'

  test.each([
    ['placeholders', () => sql`select ${text}${text} as v`],
    ['placeholders with a blank', () => sql`select ${text}  ${text}`],
    ['a string before it', () => sql`select 'a' ${text} as v`],
    ['a string behind it', () => sql`select ${text} 'v'`],
  ])('is not next to %s, which the server would join', async (_, make) => {
    const unit = fixture.uow().run(many(make().compile(db)))
    await expect(unit).rejects.toThrow(
      /is next to a string or another placeholder, and the server would make one string/,
    )
  })

  test.each([
    ['a point before it', () => sql`select .${value} as v`],
    ['a point behind it', () => sql`select ${value}.5 as v`],
    ['an at sign', () => sql`select @${text} as v`],
  ])('does not run on from %s', async (_, make) => {
    await expect(fixture.uow().run(many(make().compile(db)))).rejects.toMatchObject({ kind: 'syntax' })
  })

  test('does not run on from a letter', async () => {
    const rows = await fixture
      .uow()
      .run(many(sql<{ é: number }>`select 1 as é union select${value}`.compile(db)))
    expect(rows).toEqual([{ é: 1 }, { é: 5 }])
  })
})
