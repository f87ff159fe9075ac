/** What was read, given back, finds its row, pages past it, relates to it, and deletes it: it alone, or is refused. */
import {
  affected,
  hasMany,
  LeaseholdError,
  loader,
  many,
  type Query,
  tableRepository,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder, type MysqlDriverOptions } from '@leasehold/mysql'
import { describe, expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()

interface Row {
  id: number
  value: unknown
}

const db = mysqlBuilder<Record<string, Row>>()

type Way = 'finds' | 'lists' | 'ranges' | 'deletes' | 'relates' | 'loads' | 'pages'
const WAYS: readonly Way[] = ['finds', 'lists', 'ranges', 'deletes', 'relates', 'loads', 'pages']

interface Case {
  readonly type: string
  /** SQL of the values, one for each row, in the order of the server. */
  readonly rows: readonly string[]
  readonly options?: Pick<MysqlDriverOptions, 'bigints' | 'datetimes'>
  /** Ways that are refused. */
  readonly refused?: readonly Way[]
  readonly on?: 'mariadb' | 'mysql'
}

const all: readonly Case[] = [
  { type: 'tinyint', rows: ['-128', '0', '127'] },
  { type: 'boolean', rows: ['false', 'true'] },
  { type: 'smallint', rows: ['-32768', '7', '32767'] },
  { type: 'int unsigned', rows: ['0', '1', '4294967295'] },
  { type: 'year', rows: ['1901', '2026', '2155'] },
  { type: 'bigint', rows: ['-9007199254740991', '0', '9007199254740991'] },
  {
    type: 'bigint',
    rows: ['-9223372036854775808', '9223372036854775806', '9223372036854775807'],
    options: { bigints: 'bigint' },
  },
  {
    type: 'bigint unsigned',
    rows: ['9007199254740993', '18446744073709551614', '18446744073709551615'],
    options: { bigints: 'string' },
  },
  { type: 'decimal(30,4)', rows: ['-0.0001', '12345678901234567890.1233', '12345678901234567890.1234'] },
  {
    type: 'decimal(65)',
    rows: ["'9'".padEnd(3), '10', `${'9'.repeat(64)}8`, '9'.repeat(65)].map((row) => row.trim()),
  },
  { type: 'double', rows: ['-1e300', '0.1', '0.30000000000000004', '1e20'], refused: ['relates'] },
  { type: 'float', rows: ['-1.5', '0.5', '3'], refused: ['relates', 'pages'] },
  {
    type: 'datetime(3)',
    rows: ["'1969-12-31 23:59:59.999'", "'2026-03-29 02:30:00'", "'2026-03-29 02:30:00.001'"],
  },
  {
    type: 'datetime(6)',
    rows: ["'1000-01-01'", "'2026-03-29 02:30:00.000001'", "'2026-03-29 02:30:00.000002'"],
    options: { datetimes: 'string' },
  },
  {
    type: 'timestamp(6)',
    rows: ["'1970-01-01 00:00:01'", "'2026-10-25 01:30:00'", "'2026-10-25 01:30:00.5'"],
  },
  { type: 'date', rows: ["'0001-01-01'", "'2026-03-29'", "'9999-12-31'"] },
  { type: 'time(6)', rows: ["'-838:59:59'", "'-00:00:00.000001'", "'00:00:00'", "'100:00:00.123456'"] },
  { type: 'varchar(20) collate utf8mb4_bin', rows: ["''", "'1'", "'1.0'", "'\\\\'", "'a'", "'ä😀'"] },
  { type: 'char(5)', rows: ["''", "'1'", "'a'"] },
  { type: 'text', rows: ["''", "'1'", "'x y'"] },
  { type: "enum('b', 'a', '1')", rows: ["'b'", "'a'", "'1'"], refused: ['pages'] },
  { type: "set('b', 'a', 'c')", rows: ["''", "'b'", "'b,a'", "'c'"], refused: ['pages'] },
  { type: 'binary(4)', rows: ["x'00'", "x'0001'", "x'31000000'"] },
  { type: 'varbinary(9)', rows: ["''", "x'00'", "x'0000'", "x'31'"] },
  { type: 'blob', rows: ["''", "x'00'", "x'ff'"] },
  { type: 'bit(1)', rows: ["b'0'", "b'1'"], refused: ['pages'] },
  { type: 'bit(12)', rows: ["b'0'", "b'1'", "b'110001'", "b'111111111111'"], refused: ['pages'] },
  { type: 'bit(53)', rows: ['0', '49', '9007199254740990', '9007199254740991'], refused: ['pages'] },
  // MySQL compares longer ones as doubles.
  {
    type: 'bit(64)',
    rows: ['0', '49', '18446744073709551614', '18446744073709551615'],
    refused: ['pages'],
    on: 'mariadb',
  },
  { type: 'float', rows: ['0', '3'], refused: ['pages'] },
  {
    type: 'bigint zerofill',
    rows: ['7', '9007199254740993', '9007199254740994'],
    options: { bigints: 'string' },
  },
  {
    type: 'decimal(40,20)',
    rows: [
      '1',
      '1.00000000000000000001',
      '12345678901234567890',
      '12345678901234567890.00000000000000000001',
    ],
  },
  {
    type: 'json',
    rows: [`'{"a":1}'`, `'[1,2]'`],
    refused: WAYS,
  },
  { type: 'vector(2)', rows: ["to_vector('[1,2]')", "to_vector('[1,3]')"], refused: WAYS, on: 'mysql' },
  { type: 'point', rows: ['point(1, 2)', 'point(1, 3)'], refused: WAYS },
  {
    type: 'uuid',
    rows: ["'123e4567-e89b-12d3-a456-426614174000'", "'123e4567-e89b-12d3-a456-426614174001'"],
    on: 'mariadb',
  },
  { type: 'inet6', rows: ["'::1'", "'2001:db8::ff00:42:8329'"], on: 'mariadb' },
  { type: 'inet4', rows: ["'1.2.3.4'", "'1.2.3.5'"], on: 'mariadb' },
]
const cases = all.filter(({ on }) => on === undefined || on === fixture.server.kind)

/** A list of numbers, as a VECTOR is read, is refused by the server where it is compared. */
const REFUSALS: ReadonlySet<string> = new Set(['ResultError', 'StatementError', 'UsageError'])

/** Uses until a statement is prepared, and one with it. */
const USES = 4

let tables = 0

async function createTable({ type, rows }: Case): Promise<string> {
  tables += 1
  const name = `given_${tables}`
  await fixture.rows(`create table ${name} (id int primary key, value ${type} not null)`)
  for (const [index, row] of rows.entries())
    await fixture.rows(`insert into ${name} values (${index + 1}, ${row})`)
  return name
}

/** The ids of the rows that each way leads to from each row. */
function waysOf(uow: UnitOfWork, table: string): Record<Way, (rows: readonly Row[]) => Promise<unknown>> {
  const found = (value: unknown): Query<number[]> =>
    many(db.selectFrom(table).select('id').where('value', '=', value)).map((rows) => rows.map(({ id }) => id))
  const byValues = (values: readonly unknown[]): Query<Row[]> =>
    many(
      db
        .selectFrom(table)
        .selectAll()
        .where('value', 'in', [...values]),
    )
  const others = loader(byValues, ({ value }) => value as never)
  const paged = tableRepository(db, table, { key: 'id' })
  const each = async (
    rows: readonly Row[],
    ids: (row: Row) => Promise<readonly number[]>,
  ): Promise<unknown> => {
    const seen: unknown[] = []
    for (const row of rows) seen.push(await ids(row))
    return seen
  }
  return {
    finds: (rows) => each(rows, ({ value }) => uow.run(found(value))),
    // With another, so that it is a list, of which each value must find its row and no neighbour's.
    lists: (rows) =>
      each(rows, async ({ value }) => {
        const listed = await uow.run(byValues([value, value]))
        const others = await uow.run(
          many(db.selectFrom(table).selectAll().where('value', 'not in', [value, value])),
        )
        if (listed.length + others.length !== rows.length) return []
        return listed.map(({ id }) => id)
      }),
    ranges: (rows) =>
      each(rows, async ({ value }) => {
        const between = db
          .selectFrom(table)
          .selectAll()
          .where((e) => e.between('value', value, value))
        return (await uow.run(many(between))).map(({ id }) => id)
      }),
    deletes: (rows) =>
      each(rows, ({ value }) =>
        uow.sandbox(async (q) => {
          await q(affected(db.deleteFrom(table).where('value', '=', value), { exactly: 1 }))
          const left = await q(many(db.selectFrom(table).select('id')))
          return rows.map(({ id }) => id).filter((id) => !left.some((row) => row.id === id))
        }),
      ),
    async relates() {
      const parents = many(db.selectFrom(table).selectAll().orderBy('id'))
      const related = await uow.run(parents.with({ same: hasMany(byValues, { from: 'value', to: 'value' }) }))
      return related.map(({ same }) => same.map(({ id }) => id))
    },
    loads: (rows) =>
      each(rows, ({ value }) =>
        uow.run(others.loadMany(value as never).map((loaded) => loaded.map(({ id }) => id))),
      ),
    async pages(rows) {
      const seen: number[][] = []
      let after: string | undefined
      do {
        const page = await uow.run(paged.page({ orderBy: ['value' as never], limit: 1, after }))
        seen.push(page.rows.map(({ id }) => id))
        after = page.next
      } while (after !== undefined && seen.length <= rows.length)
      return seen
    },
  }
}

describe.each(
  cases.map((each) => [[each.type, ...Object.values(each.options ?? {})].join(' '), each] as const),
)('%s', (_, { options, refused = [], ...rest }) => {
  test('given back leads to its row alone, in text and prepared', async () => {
    const table = await createTable(rest)
    const uow = fixture.uow({ ...options, pool: { max: 1 } })
    const rows = (await uow.run(many(db.selectFrom(table).selectAll().orderBy('id')))) as readonly Row[]
    const ways = waysOf(uow, table)
    const seen: Record<string, unknown> = {}
    const expected: Record<string, unknown> = {}
    for (const way of WAYS) {
      for (let use = 1; use <= USES; use += 1) {
        const name = `${way}, use ${use}`
        expected[name] = refused.includes(way) ? 'refused' : rows.map(({ id }) => [id])
        seen[name] = await ways[way](rows).catch((error: unknown) => {
          if (error instanceof LeaseholdError && REFUSALS.has(error.name)) return 'refused'
          throw error
        })
      }
    }
    expect(seen).toEqual(expected)
  })
})
