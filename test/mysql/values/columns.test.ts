/** Every column type: what goes in comes back, on both servers alike, wherever the process believes to be. */
import { program } from '@leasehold/core'
import type { MysqlDriverOptions } from '@leasehold/mysql'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Column } from '../support/columns.ts'
import { db, useFixture } from '../support/fixture.ts'
import { HOSTILE } from '../support/hostile-strings.ts'

const fixture = useFixture()

/** Values that come back as they went in, or as their counterparts of `as`. */
interface Case {
  readonly type: string
  readonly values: readonly unknown[]
  readonly as?: readonly unknown[]
  readonly options?: Pick<MysqlDriverOptions, 'bigints' | 'datetimes'>
  /** Where the servers have the type. */
  readonly on?: 'mariadb' | 'mysql'
}

/** Around the changes of Berlin's and New York's clocks: hours that are left out there, and such that come twice. */
const CHANGES = [
  '2026-03-29T00:59:59.999Z',
  '2026-03-29T01:00:00Z',
  '2026-03-29T02:30:00Z',
  '2026-03-29T03:00:00Z',
  '2026-10-25T00:30:00Z',
  '2026-10-25T01:30:00Z',
  '2026-10-25T02:30:00.5Z',
  '2026-03-08T02:30:00Z',
  '2026-03-08T07:00:00Z',
  '2026-11-01T01:30:00Z',
  '2026-11-01T05:30:00Z',
  '2026-11-01T06:30:00Z',
].map((text) => new Date(text))

const WALL_CLOCK = CHANGES.map((date) => date.toISOString().replace('T', ' ').replace('Z', '000'))

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const TEXTS = [
  ...HOSTILE,
  'é',
  'é',
  '\u{1f469}\u200d\u{1f4bb}',
  '\uffff\u{10000}\u{10ffff}',
  '\ufeff',
  '  x  ',
]

const JSONS: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  1e20,
  1e300,
  Number.MAX_SAFE_INTEGER,
  '',
  'null',
  '9007199254740993',
  '{"not": "parsed twice"}',
  '1234567890123456 and 1e999 in a string',
  TEXTS,
  [],
  {},
  [[[1]], { a: { b: [null, { c: 'd' }] } }],
  { '': 1, 'a.b': 2, constructor: 3, '😀': '\0\u001f' },
  JSON.parse('{"__proto__": 1}'),
]
const LARGE =
  '{"a": 9007199254740993, "b": [-9223372036854775808, 18446744073709551615], "c": "9007199254740993", "d": 1}'

const VECTOR = new Uint8Array(new Float32Array([1, -2.5]).buffer)

const cases: readonly Case[] = [
  { type: 'tinyint', values: [-128, 0, 127] },
  { type: 'tinyint unsigned', values: [0, 255] },
  { type: 'boolean', values: [true, false], as: [1, 0] },
  { type: 'smallint', values: [-32_768, 32_767] },
  { type: 'mediumint', values: [-8_388_608, 8_388_607] },
  { type: 'int', values: [-2_147_483_648, 2_147_483_647] },
  { type: 'int unsigned', values: [0, 4_294_967_295] },
  { type: 'int zerofill', values: [7, 4_294_967_295] },
  { type: 'year', values: [0, 1901, 2026, 2155] },
  { type: 'bigint', values: [-Number.MAX_SAFE_INTEGER, -1, 0, 99_999_999_999_999, Number.MAX_SAFE_INTEGER] },
  { type: 'bigint zerofill', values: [7, Number.MAX_SAFE_INTEGER] },
  { type: 'bigint', values: [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n], options: { bigints: 'bigint' } },
  { type: 'bigint unsigned', values: [0n, 2n ** 64n - 1n], options: { bigints: 'bigint' } },
  { type: 'bigint', values: ['-9223372036854775808', '0'], options: { bigints: 'string' } },
  { type: 'bigint unsigned', values: ['18446744073709551615'], options: { bigints: 'string' } },

  { type: 'decimal(65, 30)', values: [`-${'9'.repeat(35)}.${'9'.repeat(30)}`, `0.${'0'.repeat(29)}1`] },
  { type: 'decimal(65)', values: ['9'.repeat(65), `-${'9'.repeat(65)}`, '0'] },
  { type: 'decimal(65)', values: [10n ** 65n - 1n], as: ['9'.repeat(65)] },
  { type: 'decimal(10, 2)', values: [1, -0.5, '12345678.90'], as: ['1.00', '-0.50', '12345678.90'] },
  {
    type: 'double',
    values: [
      0.1,
      -1 / 3,
      943507362.6823751,
      91.20005740423207,
      Number.MAX_VALUE,
      -Number.MAX_VALUE,
      Number.MIN_VALUE,
      Number.MAX_SAFE_INTEGER,
      2 ** 53,
      2 ** 64,
      1e20,
      1e21,
      1e-7,
    ],
  },
  { type: 'double', values: [-0], as: [0] },
  { type: 'float', values: [0, 0.5, -123456, 1e-10, 1.5e38] },
  // The servers write six digits of a FLOAT.
  { type: 'float', values: [16_777_215], as: [16_777_200] },

  { type: 'datetime(3)', values: [new Date(0), new Date('1969-12-31T23:59:59.999Z'), ...CHANGES] },
  {
    type: 'datetime(6)',
    values: ['0000-01-01', '0050-02-28', '1000-01-01', '1582-10-10', '2000-02-29', '9999-12-31'].map(
      (day) => new Date(`${day}T23:59:59.999Z`),
    ),
  },
  { type: 'datetime', values: [new Date('2026-03-29T02:30:00Z')] },
  { type: 'datetime(1)', values: [new Date('2026-03-29T02:30:00.900Z')] },
  { type: 'timestamp(3)', values: [new Date('1970-01-01T00:00:01Z'), ...CHANGES] },
  { type: 'timestamp(6)', values: [new Date('2038-01-19T03:14:07.999Z')] },
  {
    type: 'datetime(6)',
    values: ['1000-01-01 00:00:00.000001', '9999-12-31 23:59:59.999999', ...WALL_CLOCK],
    options: { datetimes: 'string' },
  },
  {
    type: 'timestamp(6)',
    values: ['1970-01-01 00:00:01.000001', '2038-01-19 03:14:07.999999', ...WALL_CLOCK],
    options: { datetimes: 'string' },
  },
  { type: 'datetime', values: ['2026-03-29 02:30:00'], options: { datetimes: 'string' } },
  { type: 'date', values: ['0001-01-01', '1582-10-10', '2000-02-29', '2026-03-29', '9999-12-31'] },
  { type: 'date', values: [new Date('2026-03-29T00:00:00Z')], as: ['2026-03-29'] },
  { type: 'time', values: ['-838:59:59', '00:00:00', '02:30:00', '24:00:00', '838:59:59'] },
  { type: 'time(6)', values: ['-838:59:59.000000', '-00:00:00.000001', '100:00:00.123456'] },

  { type: 'bit(1)', values: [Buffer.of(0), Buffer.of(1)] },
  { type: 'bit(1)', values: [false, 1], as: [Buffer.of(0), Buffer.of(1)] },
  { type: 'bit(64)', values: [Buffer.alloc(8), Buffer.alloc(8, 0xff), ALL_BYTES.subarray(128, 136)] },
  { type: 'bit(64)', values: [2n ** 64n - 1n], as: [Buffer.alloc(8, 0xff)] },
  { type: 'binary(4)', values: [Buffer.of(0, 39, 92, 255)] },
  { type: 'binary(4)', values: [Buffer.of(1)], as: [Buffer.of(1, 0, 0, 0)] },
  { type: 'varbinary(300)', values: [Buffer.alloc(0), ALL_BYTES, Buffer.from('ä😀\ud800')] },
  { type: 'blob', values: [Buffer.alloc(0), ALL_BYTES, Buffer.alloc(65_535, ALL_BYTES)] },
  { type: 'blob', values: [new Uint8Array([1, 0, 2]).subarray(1)], as: [Buffer.of(0, 2)] },
  { type: 'longblob', values: [Buffer.alloc(1 << 18, ALL_BYTES)] },

  { type: 'varchar(200) character set utf8mb4', values: TEXTS },
  { type: 'text character set utf8mb4', values: TEXTS },
  { type: 'text character set utf8mb4', values: ['😀'.repeat(16_383)] },
  { type: 'varchar(20) character set latin1', values: ['äÿ€'] },
  { type: 'varchar(20) character set utf8mb4 collate utf8mb4_bin', values: ['ä😀'] },
  { type: 'char(5) character set utf8mb4', values: ['', '😀😀😀😀😀', ' a'] },
  // CHAR is filled up with spaces, and the servers take them off again.
  { type: 'char(5) character set utf8mb4', values: ['a  '], as: ['a'] },
  { type: "enum('', 'a', 'é', '😀') character set utf8mb4", values: ['', 'a', 'é', '😀'] },
  { type: "set('a', 'b', '😀') character set utf8mb4", values: ['', 'b', 'a,b,😀'] },

  { type: 'json', values: JSONS.map((value) => JSON.stringify(value)), as: JSONS },
  {
    type: 'json',
    values: [LARGE],
    as: [{ a: 9007199254740993n, b: [-(2n ** 63n), 2n ** 64n - 1n], c: '9007199254740993', d: 1 }],
    options: { bigints: 'bigint' },
  },
  {
    type: 'json',
    values: [LARGE],
    as: [
      {
        a: '9007199254740993',
        b: ['-9223372036854775808', '18446744073709551615'],
        c: '9007199254740993',
        d: 1,
      },
    ],
    options: { bigints: 'string' },
  },

  { type: 'vector(2)', values: [VECTOR], as: [[1, -2.5]], on: 'mysql' },
  { type: 'uuid', values: ['123e4567-e89b-12d3-a456-426614174000'], on: 'mariadb' },
  { type: 'inet6', values: ['::1', '2001:db8::ff00:42:8329'], on: 'mariadb' },
]

function titleOf({ type, options = {} }: Case): string {
  return [type, ...Object.entries(options).flat()].join(' ')
}

const ZONES = {
  UTC: { wallClock: 'Sun Mar 29 2026 02:30:00 GMT+0000', offset: 0 },
  'Europe/Berlin': { wallClock: 'Sun Mar 29 2026 03:30:00 GMT+0200', offset: -120 },
  'America/New_York': { wallClock: 'Sun Mar 29 2026 02:30:00 GMT-0400', offset: 240 },
}

const columns = new Map<string, Promise<Column>>()

function columnOf(type: string): Promise<Column> {
  const column = columns.get(type) ?? Column.create(fixture, type)
  columns.set(type, column)
  return column
}

describe.each(Object.entries(ZONES))('with the process in %s', (zone, { wallClock, offset }) => {
  const before = process.env['TZ']

  beforeAll(() => {
    process.env['TZ'] = zone
  })

  afterAll(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })

  test('the process really is there', () => {
    expect(new Date(2026, 2, 29, 2, 30).toString()).toContain(wallClock)
    expect(new Date('2026-07-01T00:00:00Z').getTimezoneOffset()).toBe(offset)
  })

  const here = cases.filter(({ on }) => on === undefined || on === fixture.server.kind)
  const titled = here.map((one) => [titleOf(one), one] as const)

  test.each(titled)('%s', async (_, { type, values, as = values, options }) => {
    const column = await columnOf(type)
    const roundTrip = program(function* () {
      yield* column.clear()
      yield* column.put([...values, null])
      return yield* column.take()
    })
    const uow = fixture.uow({ ...options, pool: { max: 1 } })
    for (const form of ['text', 'text again', 'text, being prepared', 'prepared']) {
      expect([form, await uow.run(roundTrip)]).toStrictEqual([form, [...as, null]])
    }
    await uow.close()
  })
})

test('what is read is what is in the database, and not only what was written', async () => {
  await fixture.rows('create table at_rest (id int, d datetime(3), t timestamp(3) null, day date)')
  await fixture
    .uow()
    .run(sql`insert into at_rest values (1, ${CHANGES[0]}, ${CHANGES[0]}, ${'2026-03-29'})`.compile(db))
  expect(
    await fixture.rows(
      'select cast(d as char) as d, cast(day as char) as day, unix_timestamp(t) as t from at_rest',
    ),
  ).toEqual([{ d: '2026-03-29 00:59:59.999', day: '2026-03-29', t: '1774745999.999' }])
})

test('NULL is NULL without a table, and no rows are no rows', async () => {
  const nothing = sql`select null as a, json_extract(null, '$') as b, cast(null as datetime) as c, 0e0 + null as d`
  expect(await fixture.uow().run(nothing.compile(db))).toEqual([{ a: null, b: null, c: null, d: null }])
  expect(await fixture.uow().run(sql`select now() as c from dual where false`.compile(db))).toEqual([])
})

test('of columns with the same name the last one counts, whatever the others are', async () => {
  const query = sql`select cast(1 as signed) as v, now() as v, json_object('a', 1) as v, 'text' as v`
  expect(await fixture.uow({ bigints: 'bigint' }).run(query.compile(db))).toEqual([{ v: 'text' }])
  const twice = sql`select timestamp'2026-01-01 00:00:00' as v, timestamp'2026-01-01 00:00:00' as v`
  expect(await fixture.uow().run(twice.compile(db))).toEqual([{ v: new Date('2026-01-01T00:00:00Z') }])
})

test('expressions have the types of columns', async () => {
  const query = sql`
    select json_object('a', json_array(1, 'x')) as object, json_extract('{"a": [1, {"b": 2}]}', '$.a[1]') as part,
      (select json_arrayagg(id) from (select 1 as id union all select 2) as ids) as ids,
      timestamp'2026-01-01 00:00:00.5' as instant, date'2026-01-01' as day, time'-01:02:03.5' as time,
      count(*) as count, sum(1) as sum, avg(1) as average, 1 = 1 as truth, 1.50 as decimal_, 1.5e0 as double_,
      st_geomfromtext('POINT(1 2)') as point, st_geomfromtext('LINESTRING(0 0, 1 1)') as line, null as nothing`
  expect(await fixture.uow().run(query.compile(db))).toEqual([
    {
      object: { a: [1, 'x'] },
      part: { b: 2 },
      ids: [1, 2],
      instant: new Date('2026-01-01T00:00:00.500Z'),
      day: '2026-01-01',
      time: '-01:02:03.5',
      count: 1,
      sum: '1',
      average: '1.0000',
      truth: 1,
      decimal_: '1.50',
      double_: 1.5,
      point: { x: 1, y: 2 },
      line: [
        { x: 0, y: 0 },
        { x: 1, y: 1 },
      ],
      nothing: null,
    },
  ])
})

test('a FLOAT has all of its digits as a DOUBLE', async () => {
  const query = sql`select cast(value as double) as value from (select cast(${16_777_215} as float) as value) as f`
  expect(await fixture.uow().run(query.compile(db))).toEqual([{ value: 16_777_215 }])
})

test("a finer fraction than the column's is rounded by MySQL and cut off by MariaDB", async () => {
  const column = await Column.create(fixture, 'datetime')
  const kept = program(function* () {
    yield* column.put([new Date('2026-12-31T23:59:59.500Z')])
    return yield* column.take()
  })
  const expected = { mysql: '2027-01-01T00:00:00Z', mariadb: '2026-12-31T23:59:59Z' }[fixture.server.kind]
  expect(await fixture.uow().run(kept)).toEqual([new Date(expected)])
})
