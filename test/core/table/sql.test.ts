import {
  AcquireError,
  all,
  attempt,
  describeQuery,
  program,
  type Query,
  tableRepository,
  UsageError,
} from '@leasehold/core'
import { type KyselyPlugin, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { RecordingDriver, Script } from '@leasehold/core/testing'
import { accounts, lines, plain, tables } from '../support/tables.ts'
import { failureOf, record } from '../support/unit.ts'

/** The statements of a query, by flights, with their parameters behind them. */
async function statementsOf(query: Query<unknown>, script: Script = {}): Promise<string[][]> {
  const { uow, driver } = record(script)
  await uow.run(query).catch(() => {})
  return statementsIn(driver)
}

function statementsIn({ flights }: RecordingDriver): string[][] {
  return flights
    .map((commands) =>
      commands.flatMap((command) => {
        if (command.type !== 'statement') return []
        const { sql, parameters } = command.statement
        return parameters.length === 0 ? sql : `${sql} [${parameters.join()}]`
      }),
    )
    .filter((statements) => statements.length > 0)
}

const LIVE = '`deleted_at` is null'
const NOW = 'current_timestamp(3)'

test.each<[string, Query<unknown>, string]>([
  ['byId', plain.byId(7), 'select * from `accounts` where `id` = ? [7]'],
  ['byId', accounts.byId(7), `select * from \`accounts\` where ${LIVE} and \`id\` = ? [7]`],
  ['byId', accounts.byId(7, { withDeleted: true }), 'select * from `accounts` where `id` = ? [7]'],
  [
    'byId',
    lines.byId({ orderId: 1, line: 2 }),
    'select * from `lines` where (`order_id` = ? and `line` = ?) [1,2]',
  ],
  ['find', accounts.find(7), `select * from \`accounts\` where ${LIVE} and \`id\` = ? [7]`],
  ['byIds', plain.byIds([7, 8]), 'select * from `accounts` where `id` in (?, ?) [7,8]'],
  [
    'byIds',
    lines.byIds([
      { orderId: 1, line: 2 },
      { orderId: 3, line: 4 },
    ]),
    'select * from `lines` where ((`order_id` = ? and `line` = ?) or (`order_id` = ? and `line` = ?)) [1,2,3,4]',
  ],
  ['list', plain.list(), 'select * from `accounts`'],
  [
    'list',
    accounts.list({ where: (eb) => eb('cents', '>', 0), orderBy: ['name', ['cents', 'desc']], limit: 9 }),
    `select * from \`accounts\` where ${LIVE} and (\`cents\` > ?) order by \`name\` asc, \`cents\` desc limit ? [0,9]`,
  ],
  [
    'list, with raw SQL',
    accounts.list({ where: () => sql<boolean>`a or b` }),
    `select * from \`accounts\` where ${LIVE} and (a or b)`,
  ],
  ['count', accounts.count(), `select count(*) as \`n\` from \`accounts\` where ${LIVE}`],
  [
    'exists',
    plain.exists({ where: (eb) => eb('name', '=', 'a') }),
    'select 1 as `n` from `accounts` where (`name` = ?) limit ? [a,1]',
  ],
  [
    'page',
    plain.page({ limit: 10, orderBy: [['name', 'desc']] }),
    'select * from `accounts` order by `name` desc, `id` desc limit ? [11]',
  ],
  [
    'page by the key',
    plain.page({ limit: 1, orderBy: ['id'] }),
    'select * from `accounts` order by `id` asc limit ? [2]',
  ],
  [
    'insert',
    lines.insert({ orderId: 1, line: 2, text: 'a' }),
    'insert into `lines` (`order_id`, `line`, `text`) values (?, ?, ?) [1,2,a]',
  ],
  [
    'insert',
    accounts.insert({ name: 'a', cents: 1 }),
    `insert into \`accounts\` (\`name\`, \`cents\`, \`version\`, \`created_at\`, \`updated_at\`) values (?, ?, ?, ${NOW}, ${NOW}) [a,1,1]`,
  ],
  [
    'upsert',
    accounts.upsert({ id: 7, name: 'a', cents: 1 }),
    'insert into `accounts` (`id`, `name`, `cents`, `version`, `created_at`, `updated_at`) ' +
      `values (?, ?, ?, ?, ${NOW}, ${NOW}) on duplicate key update \`name\` = ?, \`cents\` = ?, ` +
      `\`version\` = \`version\` + 1, \`updated_at\` = ${NOW}, \`deleted_at\` = ? [7,a,1,1,a,1,]`,
  ],
  [
    'upsert of a key alone',
    lines.upsert({ orderId: 1, line: 2 } as Parameters<typeof lines.upsert>[0]),
    'insert into `lines` (`order_id`, `line`) values (?, ?) on duplicate key update `order_id` = `order_id` [1,2]',
  ],
  [
    'update',
    accounts.update({ id: 7, version: 3, name: 'a', cents: 1, note: null }),
    `update \`accounts\` set \`name\` = ?, \`cents\` = ?, \`note\` = ?, \`version\` = \`version\` + 1, \`updated_at\` = ${NOW} ` +
      `where (\`id\` = ? and ${LIVE} and \`version\` = ?) [a,1,,7,3]`,
  ],
  [
    'patch',
    lines.patch({ orderId: 1, line: 2 }, { text: 'a' }),
    'update `lines` set `text` = ? where (`order_id` = ? and `line` = ?) [a,1,2]',
  ],
  ['delete', plain.delete(7), 'delete from `accounts` where `id` = ? [7]'],
  [
    'delete',
    accounts.delete({ id: 7, version: 3 }),
    `update \`accounts\` set \`deleted_at\` = ${NOW}, \`version\` = \`version\` + 1, \`updated_at\` = ${NOW} ` +
      `where (\`id\` = ? and ${LIVE} and \`version\` = ?) [7,3]`,
  ],
  [
    'restore',
    accounts.restore({ id: 7, version: 4 }),
    `update \`accounts\` set \`deleted_at\` = ?, \`version\` = \`version\` + 1, \`updated_at\` = ${NOW} ` +
      'where (`id` = ? and `deleted_at` is not null and `version` = ?) [,7,4]',
  ],
])('%s', async (_, query, sql) => {
  expect(await statementsOf(query)).toEqual([[sql]])
})

describe('a page', () => {
  const rows = [1, 2, 3].map((id) => ({ id, name: 'a', cents: 5 }))
  const pages = { limit: 2, orderBy: ['name', ['cents', 'desc']] } as const

  test('begins behind a cursor, by a condition that an index can answer', async () => {
    const { uow } = record({ answers: { 'accounts.page': rows } })
    const { next } = await uow.run(plain.page(pages))
    expect(await statementsOf(plain.page({ ...pages, after: next }))).toEqual([
      [
        'select * from `accounts` where (`name` > ? or (`name` = ? and (`cents` < ? or (`cents` = ? and `id` < ?)))) ' +
          'order by `name` asc, `cents` desc, `id` desc limit ? [a,a,5,5,2,3]',
      ],
    ])
  })

  test('ends before a cursor, in the order turned around', async () => {
    const { uow } = record({ answers: { 'accounts.page': rows } })
    const { next: before } = await uow.run(plain.page(pages))
    expect(await statementsOf(plain.page({ ...pages, before }))).toEqual([
      [
        'select * from `accounts` where (`name` < ? or (`name` = ? and (`cents` > ? or (`cents` = ? and `id` > ?)))) ' +
          'order by `name` desc, `cents` asc, `id` asc limit ? [a,a,5,5,2,3]',
      ],
    ])
  })
})

describe('what the server can do', () => {
  const row = { name: 'a', cents: 1 }
  const values = `(\`name\`, \`cents\`, \`version\`, \`created_at\`, \`updated_at\`) values (?, ?, ?, ${NOW}, ${NOW}) [a,1,1]`

  test('insertAndGet reads the row back in the same flight', async () => {
    const script: Script = {
      server: { returning: false },
      answers: { 'accounts.insertAndGet': ({ before }) => (before === 0 ? { insertId: 7n } : [{ id: 7 }]) },
    }
    expect(await statementsOf(accounts.insertAndGet(row), script)).toEqual([
      [
        `insert into \`accounts\` ${values}`,
        `select * from \`accounts\` where ${LIVE} and \`id\` = last_insert_id()`,
      ],
    ])
    expect(await record(script).uow.run(accounts.insertAndGet(row))).toEqual({ id: 7 })
  })

  test('insertAndGet has it returned where the server can', async () => {
    const answers = { 'accounts.insertAndGet': { created_at: 1 } }
    expect(await statementsOf(accounts.insertAndGet(row), { answers })).toEqual([
      [`insert into \`accounts\` ${values.replace(' [', ' returning * [')}`],
    ])
    expect(await record({ answers }).uow.run(accounts.insertAndGet(row))).toEqual({ createdAt: 1 })
  })

  test('a description has it returned', () => {
    const add = accounts.insertAndGet(row).andThen(({ id }) => accounts.find(id))
    const { flights, outcome } = describeQuery(add, {
      'accounts.insertAndGet': { id: 7 },
      'accounts.find': [{ id: 7, name: 'a' }],
    })
    expect(flights.flat().map(({ label }) => label)).toEqual(['accounts.insertAndGet', 'accounts.find'])
    expect(outcome).toEqual({ type: 'success', value: { id: 7, name: 'a' } })
    expect(describeQuery(attempt(add)).outcome).toEqual({ type: 'waiting', for: ['accounts.insertAndGet'] })
  })

  test('insertMany sends as many statements as there must be, in one flight', async () => {
    const rows = [1, 2, 3, 4, 5].map((line) => ({ orderId: 1, line, text: 'a'.repeat(100) }))
    const statement = (count: number): string =>
      `insert into \`lines\` (\`order_id\`, \`line\`, \`text\`) values ${'(?, ?, ?), '.repeat(count).slice(0, -2)}`
    const counts = async (maxAllowedPacket: number): Promise<readonly string[]> => {
      const { uow, driver } = record({ server: { maxAllowedPacket } })
      await uow.run(lines.insertMany(rows))
      expect(driver.flights.flat().at(-1)).toEqual({ type: 'commit' })
      return (driver.flights[0] ?? []).flatMap((each) =>
        each.type === 'statement' ? each.statement.sql : [],
      )
    }
    expect(await counts(1 << 20)).toEqual([statement(5)])
    expect(await counts(1_100)).toEqual([statement(2), statement(2), statement(1)])
    expect(await counts(1)).toEqual(rows.map(() => statement(1)))
    const { uow } = record({
      answers: { 'lines.insertMany': { affectedRows: 2 } },
      server: { maxAllowedPacket: 1 },
    })
    expect(await uow.run(lines.insertMany(rows))).toBe(10)
  })

  test('what it decides keeps its place in the flight', async () => {
    const { uow, driver } = record()
    const add = lines.insertMany([{ orderId: 1, line: 1, text: '' }])
    await uow.run(all([plain.byIds([1]), add, plain.byIds([2]), all([add, plain.find(3)]), plain.list()]))
    expect(driver.journal).toEqual([
      'acquire',
      [
        'accounts.byIds',
        'lines.insertMany',
        'accounts.byIds',
        'lines.insertMany',
        'accounts.find',
        'accounts.list',
      ],
      ['commit'],
      'release',
    ])
  })

  test('a lone write that it decides has COMMIT in its flight', async () => {
    const { uow, driver } = record()
    await uow.run(lines.insertMany([{ orderId: 1, line: 1, text: '' }]))
    expect(driver.journal).toEqual(['acquire', ['lines.insertMany', 'commit'], 'release'])
  })

  test('insert and upsert have COMMIT in their flight where nothing is left to check', async () => {
    const line = { orderId: 1, line: 1, text: '' }
    const alone = async (query: Query<unknown>): Promise<unknown> => {
      const { uow, driver } = record({ answers: { 'accounts.insert': { insertId: 7n } } })
      await uow.run(query)
      return driver.sent.length === 2 && driver.flights.length
    }
    expect(await alone(lines.insert(line))).toBe(1)
    expect(await alone(lines.upsert(line))).toBe(1)
    expect(await alone(accounts.insert(row))).toBe(2)
  })

  test('no connection is not a reason to go on', async () => {
    const refused = new AcquireError('timeout', 'none came free')
    const translated = new Error('busy')
    const { uow } = record({ refused })
    const work = program(function* () {
      try {
        return yield* lines.insertMany([{ orderId: 1, line: 1, text: '' }])
      } catch (cause) {
        if (cause === refused) throw translated
        throw cause
      }
    })
    expect(await failureOf(uow.run(work))).toBe(translated)
  })

  test('what can not be made of it fails the unit, and nothing is sent', async () => {
    const failure = new Error('not this one')
    const plugin: KyselyPlugin = {
      transformQuery: () => {
        throw failure
      },
      transformResult: ({ result }) => Promise.resolve(result),
    }
    const broken = tableRepository(tables.withPlugin(plugin), 'lines', { key: ['orderId', 'line'] })
    const { uow, driver } = record()
    const work = uow.run(async (q) => {
      const tasks = [plain.list(), broken.insertMany([{ orderId: 1, line: 1, text: '' }]), plain.count()]
      const outcomes = await Promise.allSettled(tasks.map((task) => q<Query<unknown>>(task)))
      return outcomes.map(({ status }) => status)
    })
    expect(await failureOf(work)).toBe(failure)
    expect(driver.journal).toEqual(['acquire', 'release'])
  })
})

test('a table has a key, and its columns one part each', () => {
  expect(() => tableRepository(tables, 'lines', { key: [] as unknown as ['line'] })).toThrow(
    'lines: expected a key of at least one column, got none',
  )
  for (const make of [
    () => tableRepository(tables, 'accounts', { key: 'id', version: 'id' }),
    () => tableRepository(tables, 'accounts', { key: 'id', createdAt: 'updatedAt', updatedAt: 'updatedAt' }),
    () => tableRepository(tables, 'accounts', { key: ['id', 'id'] }),
  ]) {
    expect(make).toThrow(UsageError)
    expect(make).toThrow(/got (?:id|updatedAt) twice/)
  }
})

test.each<[name: string, options: object, known: string]>([
  ['list', { after: '' }, 'where, orderBy, limit, withDeleted'],
  ['page', { limit: 1, orderby: [] }, 'where, orderBy, limit, after, before, withDeleted'],
  ['count', { limit: 1 }, 'where, withDeleted'],
  ['exists', { orderBy: [] }, 'where, withDeleted'],
  ['select', { withdeleted: true }, 'withDeleted'],
])('%s refuses an option that it does not have: %j', (name, options, known) => {
  const read = accounts[name as 'list'] as (options: object) => unknown
  const [unknown] = Object.keys(options).slice(-1)
  expect(() => read(options)).toThrow(`accounts.${name}: unknown option ${unknown}; known options: ${known}`)
})

test.each<[name: string, key: unknown, options: object, known: string]>([
  ['byId', 1, { orelse: () => new Error('none') }, 'orElse, withDeleted'],
  ['find', 1, { withDeletd: true }, 'withDeleted'],
  ['byIds', [1], { withdeleted: true }, 'withDeleted'],
  ['byIds', [], { withdeleted: true }, 'withDeleted'],
])('%s of %j refuses an option that it does not have: %j', (name, key, options, known) => {
  const read = accounts[name as 'find'] as unknown as (key: unknown, options: object) => unknown
  const [unknown] = Object.keys(options)
  expect(() => read(key, options)).toThrow(
    `accounts.${name}: unknown option ${unknown}; known options: ${known}`,
  )
})

test.each([null, -1, 1.5, '1', Number.NaN])('list refuses the limit %j', (limit) => {
  expect(() => accounts.list({ limit: limit as never })).toThrow(
    /accounts.list: expected limit to be a whole number from 0/,
  )
})

test.each(['after', 'before'])('page refuses a cursor that is none: %s', (name) => {
  expect(() => accounts.page({ limit: 1, [name]: null })).toThrow(
    `accounts.page: expected ${name} to be a cursor of another page, got null`,
  )
})
