/**
 * A statement gives the same as text and prepared, whatever values it was run with before: every type of column, in every
 * place where a parameter can be prepared, with values of every kind.
 */
import { inspect } from 'node:util'
import {
  affected,
  attempt,
  all,
  type Attempt,
  many,
  one,
  type Query,
  type StatementError,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()

/** What each type of column has in its rows. */
const TYPES: Readonly<Record<string, readonly [type: string, values: readonly string[]]>> = {
  name: ['varchar(30)', ["'nobody'", "'1'", "'1.5'", "'é'", 'null']],
  latin: ['varchar(30) character set latin1', ["'nobody'", "'1'", "'é'", "'true'", 'null']],
  bin: ['varchar(30) collate utf8mb4_bin', ["'Nobody'", "'1'", "'true'", "''", 'null']],
  fixed: ['char(10)', ["'nobody'", "'1'", "'1.50'", "''", 'null']],
  long: ['text', ["'nobody'", "'1'", "'2020-01-01'", "''", 'null']],
  int: ['int', ['0', '1', '2', '-1', 'null']],
  big: ['bigint', ['0', '1', '9007199254740993', '-1', 'null']],
  huge: ['bigint unsigned', ['0', '1', '18446744073709551615', '2', 'null']],
  money: ['decimal(30,4)', ['0', '1', '1.5', '12345678901234567890.1234', 'null']],
  single: ['float', ['0', '1', '1.5', '0.1', 'null']],
  double: ['double', ['0', '1', '1.5', '0.1', 'null']],
  flag: ['tinyint(1)', ['0', '1', '2', '1', 'null']],
  day: ['date', ["'2020-01-01'", "'2001-02-03'", "'1970-01-01'", "'2020-01-02'", 'null']],
  moment: [
    'datetime(6)',
    ["'2020-01-01'", "'2020-01-01 00:00:00.5'", "'1970-01-01'", "'2001-02-03'", 'null'],
  ],
  stamp: [
    'timestamp(6) null',
    ["'2020-01-01'", "'2020-01-01 00:00:00.5'", "'1970-01-02'", "'2001-02-03'", 'null'],
  ],
  clock: ['time(6)', ["'00:00:01'", "'01:00:00'", "'-01:00:00.5'", "'00:00:00'", 'null']],
  year: ['year', ['2020', '2001', '1970', '2000', 'null']],
  doc: ['json', [`'{"a":1}'`, "'1'", "'true'", `'"nobody"'`, 'null']],
  bytes: ['varbinary(30)', ["'nobody'", "x'00ff'", "'1'", "''", 'null']],
  blob: ['blob', ["'nobody'", "x'00ff'", "'1'", "''", 'null']],
  kind: ["enum('nobody','1','b')", ["'nobody'", "'1'", "'b'", "'nobody'", 'null']],
  flags: ["set('nobody','1','b')", ["'nobody'", "'1'", "'nobody,b'", "''", 'null']],
  bits: ['bit(8)', ["b'0'", "b'1'", "b'10'", "b'11111111'", 'null']],
}
const COLUMNS = Object.keys(TYPES)
const ROWS = 5

/** One of each kind that a parameter can be. */
const VALUES: readonly unknown[] = [
  'nobody',
  '1',
  'é',
  '2020-01-01',
  '{"a":1}',
  1,
  -1,
  1.5,
  1e300,
  2020,
  18_446_744_073_709_551_615n,
  true,
  null,
  new Date('2020-01-01T00:00:00Z'),
  Buffer.from('nobody'),
  Buffer.from([1]),
]

type Row = Record<string, unknown> & { readonly id: number }

interface Database {
  things: Row
}

const db = mysqlBuilder<Database>()

type Place = (e: ExpressionBuilder<Database, 'things'>, column: string, value: never) => Expression<SqlBool>

/** Places of a parameter: compared, listed, added up. */
const PLACES: Readonly<Record<string, Place>> = {
  '=': (e, column, value) => e(column, '=', value),
  '!=': (e, column, value) => e(column, '!=', value),
  '<': (e, column, value) => e(column, '<', value),
  '>=': (e, column, value) => e(column, '>=', value),
  '<=>': (e, column, value) => e(column, '<=>', value),
  in: (e, column, value) => e(column, 'in', [value, value]),
  'not in': (e, column, value) => e(column, 'not in', [value]),
  like: (e, column, value) => e(column, 'like', value),
  between: (e, column, value) => e.between(column, value, value),
  '+': (e, column, value) => e(e(column, '+', value), '>', e.lit(1)),
  '*': (e, column, value) => e(e(column, '*', value), '>', e.lit(1)),
}

/** The alias makes the text that of one history alone. */
function found(history: number, place: Place, column: string, value: unknown): Query<unknown> {
  const things = db.selectFrom(`things as h${history}` as 'things').select('id')
  return many(things.where((e) => place(e, column, value as never)).orderBy('id'))
}

/** What a column comes to hold. */
function stored(row: number, history: number, column: string, value: unknown): Query<unknown> {
  const write = db
    .updateTable(`stores as h${history}` as 'things')
    .set({ [column]: value })
    .where('id', '=', row)
  const read = db
    .selectFrom('stores' as 'things')
    .select(column)
    .where('id', '=', row)
  return affected(write).andThen(() => one(read))
}

/** What each query gives: ids, what was stored, or the server's error; only of those that `mayFail` a failure is told. */
async function answers(
  uow: UnitOfWork,
  queries: readonly Query<unknown>[],
  mayFail: (index: number) => boolean,
): Promise<readonly string[]> {
  const given = await uow.run(
    all(queries.map((query, index) => (mayFail(index) ? attempt(query).map(outcome) : query))),
  )
  return given.map((one) => inspect(one))
}

function outcome(attempted: Attempt<unknown>): unknown {
  return attempted.ok ? attempted.value : (attempted.error as StatementError).errno
}

/** Uses until a text is prepared. */
const UNTIL_PREPARED = 3

beforeAll(async () => {
  const columns = COLUMNS.map((column) => `\`${column}\` ${TYPES[column]?.[0]}`).join(', ')
  await fixture.oracle.query(`create table things (id int primary key, ${columns})`)
  await fixture.oracle.query('create table stores like things')
  for (let row = 0; row < ROWS; row += 1) {
    const values = COLUMNS.map((column) => TYPES[column]?.[1][row])
    await fixture.oracle.query(`insert into things values (${row + 1}, ${values.join(', ')})`)
  }
  await fixture.oracle.query('insert into stores (id) values (1), (2)')
})

test.each(['in conditions', 'stored'])(
  '%s',
  async (where) => {
    const prepared = fixture.uow({ pool: { max: 1 }, preparedStatements: 10_000, bigints: 'string' })
    const text = fixture.uow({ pool: { max: 1 }, preparedStatements: 0, bigints: 'string' })
    const queries = (row: number, history: number, value: unknown): Query<unknown>[] =>
      COLUMNS.flatMap((column) =>
        where === 'stored'
          ? [stored(row, history, column, value)]
          : Object.values(PLACES).map((place) => found(history, place, column, value)),
      )
    const expected = new Map<unknown, readonly string[]>()
    for (const value of VALUES) expected.set(value, await answers(text, queries(2, 0, value), () => true))
    const differing: string[] = []
    let compared = 0
    for (const [history, first] of VALUES.entries()) {
      const run = (value: unknown): Promise<readonly string[]> => {
        const fails = (index: number): boolean => /^\d+$/.test(expected.get(value)?.[index] ?? '')
        const all = queries(1, history, value)
        // What fails in one way only is told as a difference.
        return answers(prepared, all, fails).catch(() => answers(prepared, all, () => true))
      }
      for (let use = 0; use < UNTIL_PREPARED; use += 1) await run(first)
      for (const then of VALUES) {
        for (const value of [then, first]) {
          for (const [index, given] of (await run(value)).entries()) {
            compared += 1
            const asText = expected.get(value)?.[index]
            if (given === asText) continue
            const what = `${index}: ${inspect(value)} after ${inspect(first)}, ${inspect(then)}`
            differing.push(`${what}: ${given}, and as text ${asText}`)
          }
        }
      }
    }
    expect(differing).toEqual([])
    expect(compared).toBeGreaterThan(where === 'stored' ? 9_000 : 100_000)
  },
  300_000,
)
