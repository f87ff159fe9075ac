import {
  affected,
  afterCommit,
  afterRollback,
  all,
  type Answers,
  attempt,
  defineRepository,
  describeQuery,
  fail,
  inserted,
  many,
  maybeOne,
  one,
  program,
  type Query,
  ResultError,
  StatementError,
  succeed,
  UsageError,
} from '@leasehold/core'
import { flightsText, refusal, type Reply } from '@leasehold/core/testing'
import fc from 'fast-check'
import { CamelCasePlugin, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { builder, db } from '../support/accounts.ts'
import { name, queryOf, tree } from '../support/trees.ts'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

const accounts = defineRepository('accounts', {
  byId: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  find: (id: number) => maybeOne(db.selectFrom('accounts').select('cents').where('id', '=', id)),
  add: (id: number, cents: number) =>
    affected(db.updateTable('accounts').set({ cents }).where('id', '=', id), { exactly: 1 }),
  open: (ownerName: string) => inserted(db.insertInto('accounts').values({ ownerName, cents: 0 })),
})

const transfer = program(function* () {
  const payer = yield* accounts.byId(1)
  if (payer.cents < 5) return yield* fail(new RangeError('poor'))
  yield* all([accounts.add(1, -5), accounts.add(2, 5)])
  return payer.ownerName
})

const rich = { id: 1, ownerName: 'Ann', cents: 9 }

function labelsOf(query: Query<unknown>, answers?: Answers): readonly (readonly (string | undefined)[])[] {
  return describeQuery(query, answers).flights.map((flight) => flight.map(({ label }) => label))
}

describe('without answers', () => {
  test('the statements of the first flight are described, with what they wait for', () => {
    expect(describeQuery(transfer)).toEqual({
      flights: [
        [
          {
            label: 'accounts.byId',
            kind: 'read',
            sql: 'select * from `accounts` where `id` = ?',
            parameters: [1],
            tables: ['accounts'],
          },
        ],
      ],
      outcome: { type: 'waiting', for: ['accounts.byId'] },
      hooks: [],
    })
  })

  test('a statement without a label is waited for by its SQL; each name is told once', () => {
    const select = db.selectFrom('entries').select('id')
    expect(describeQuery(all([select, write('a'), write('a')])).outcome).toEqual({
      type: 'waiting',
      for: ['select `id` from `entries`', 'a'],
    })
  })

  test('a query that sends nothing comes to its end', () => {
    expect(describeQuery(succeed(1).map((n) => n + 1))).toEqual({
      flights: [],
      outcome: { type: 'success', value: 2 },
      hooks: [],
    })
  })

  test('nothing goes behind raw SQL in its flight', () => {
    const query = all([read('a'), raw('b'), read('c')])
    expect(labelsOf(query)).toEqual([['a', 'b']])
    expect(labelsOf(query, { a: [], b: [] })).toEqual([['a', 'b'], ['c']])
  })
})

describe('with answers', () => {
  test('a program goes on as far as they go', () => {
    expect(labelsOf(transfer, { 'accounts.byId': rich })).toEqual([
      ['accounts.byId'],
      ['accounts.add', 'accounts.add'],
    ])
    const { flights, outcome } = describeQuery(transfer, { 'accounts.byId': rich, 'accounts.add': 1 })
    expect(outcome).toEqual({ type: 'success', value: 'Ann' })
    expect(flightsText(flights)).toBe(
      [
        'flight 1',
        '  accounts.byId: select * from `accounts` where `id` = ?',
        'flight 2',
        '  accounts.add: update `accounts` set `cents` = ? where `id` = ?',
        '  accounts.add: update `accounts` set `cents` = ? where `id` = ?',
      ].join('\n'),
    )
  })

  test("they are decoded as the server's would be", () => {
    const outcomeOf = (query: Query<unknown>, reply: Reply) => describeQuery(query, () => reply).outcome
    expect(outcomeOf(accounts.find(1), [])).toEqual({ type: 'success', value: undefined })
    expect(outcomeOf(accounts.find(1), { cents: 3 })).toEqual({ type: 'success', value: { cents: 3 } })
    expect(outcomeOf(many(db.selectFrom('entries').select('id')), [{ id: 1 }])).toEqual({
      type: 'success',
      value: [{ id: 1 }],
    })
    expect(outcomeOf(accounts.open('Ann'), { insertId: 7 })).toEqual({ type: 'success', value: 7 })
    const failed = outcomeOf(accounts.add(1, 1), 0)
    expect(failed).toMatchObject({
      type: 'failure',
      error: { label: 'accounts.add', expected: '1 affected row', actual: '0' },
    })
    expect(failed).toHaveProperty('error.sql', 'update `accounts` set `cents` = ? where `id` = ?')
    expect(outcomeOf(accounts.byId(1), [rich, rich])).toMatchObject({
      error: { expected: 'exactly one row', actual: '2 rows' },
    })
  })

  test('rows are those of the type: plugins are not applied', () => {
    const camel = builder(new CamelCasePlugin())
    const query = one(camel.selectFrom('accounts').select('ownerName')).named('a')
    expect(describeQuery(query, { a: { ownerName: 'Ann', odd_name: 1 } }).outcome).toEqual({
      type: 'success',
      value: { ownerName: 'Ann', odd_name: 1 },
    })
  })

  test('one that is a refusal fails the query there', () => {
    const answers = { 'accounts.byId': rich, 'accounts.add': refusal('lock-timeout', 1_205) }
    const { outcome } = describeQuery(transfer, answers)
    expect(outcome).toMatchObject({
      type: 'failure',
      error: { kind: 'lock-timeout', label: 'accounts.add', index: 0, sql: /^update/ },
    })
    expect(outcome.type === 'failure' && outcome.error).toBeInstanceOf(StatementError)
  })

  test('one for the count of calls', () => {
    const answers: Answers = { a: ({ before }) => (before < 2 ? before : undefined) }
    expect(describeQuery(all([write('a'), write('a')]), answers).outcome).toEqual({
      type: 'success',
      value: [0, 1],
    })
    expect(describeQuery(all([write('a'), write('a'), write('a')]), answers).outcome).toEqual({
      type: 'waiting',
      for: ['a'],
    })
  })

  test('the failure of the caller comes out as the same object', () => {
    const mine = new Error('mine')
    expect(describeQuery(fail(mine)).outcome).toEqual({ type: 'failure', error: mine })
    expect(describeQuery(transfer, { 'accounts.byId': { ...rich, cents: 4 } }).outcome).toEqual({
      type: 'failure',
      error: new RangeError('poor'),
    })
  })

  test('one that its statement can not have is refused', () => {
    expect(() => describeQuery(accounts.byId(1), { 'accounts.byId': 1 })).toThrow(UsageError)
  })
})

describe('an attempt', () => {
  const attempted = program(function* () {
    yield* afterRollback(() => {})
    const outcome = yield* attempt(all([write('a').andThen(() => write('b')), afterCommit(() => {})]))
    return outcome.ok ? outcome.value : yield* write('c')
  })

  test('that succeeds', () => {
    const { flights, outcome, hooks } = describeQuery(attempted, () => 1)
    expect(flights.map(([statement]) => statement?.label)).toEqual(['a', 'b'])
    expect(outcome).toEqual({ type: 'success', value: [1, undefined] })
    expect(hooks).toHaveLength(1)
  })

  test('whose failure is survived', () => {
    const { flights, outcome, hooks } = describeQuery(attempted, ({ name }) => (name === 'b' ? refusal() : 1))
    expect(flights.map(([statement]) => statement?.label)).toEqual(['a', 'b', 'c'])
    expect(outcome).toEqual({ type: 'success', value: 1 })
    expect(hooks).toEqual([])
  })

  test('that ends the transaction', () => {
    const { flights, outcome, hooks } = describeQuery(attempted, ({ name }) =>
      name === 'b' ? refusal('deadlock') : 1,
    )
    expect(flights).toHaveLength(2)
    expect(outcome).toMatchObject({ type: 'failure', error: { kind: 'deadlock' } })
    expect(hooks).toHaveLength(1)
  })

  test('that waits, with all that is behind it', () => {
    const { flights, outcome } = describeQuery(attempted, { a: 1 })
    expect(flights).toHaveLength(2)
    expect(outcome).toEqual({ type: 'waiting', for: ['b'] })
  })
})

test('a unit sends what was described, and comes to the same end', async () => {
  const property = fc.asyncProperty(tree, fc.uniqueArray(name, { maxLength: 2 }), async (tree, refused) => {
    const answers: Answers = ({ name, sql }) => {
      if (refused.includes(name)) return refusal()
      if (sql.startsWith('update')) return 1
      if (sql !== '') return name === 's1' ? [{ id: 1 }] : []
      return undefined
    }
    const query = queryOf(tree)
    const { flights, outcome } = describeQuery(query, answers)
    const { uow, driver } = record({ answers, delay: () => Promise.resolve() })
    const ran = await uow.run(query).then(
      (value) => ({ type: 'success', value }),
      (error: unknown) => ({ type: 'failure', error: String(error) }),
    )
    expect(ran).toEqual(outcome.type === 'failure' ? { ...outcome, error: String(outcome.error) } : outcome)
    const sent = driver.flights.map((flight) =>
      flight.flatMap((command) => (command.type === 'statement' ? [command.statement.sql] : [])),
    )
    expect(sent.filter((statements) => statements.length > 0)).toEqual(
      flights.map((flight) => flight.map(({ sql }) => sql)),
    )
  })
  await fc.assert(property, { numRuns: 500 })
})

test('what is described is run by nobody: it has no connection to run it on', async () => {
  const { uow, driver } = record()
  describeQuery(transfer, { 'accounts.byId': rich, 'accounts.add': 1 })
  expect(driver.journal).toEqual([])
  expect(await failureOf(uow.run(transfer))).toBeInstanceOf(ResultError)
  expect(() => describeQuery('select 1' as never)).toThrow(UsageError)
  expect(describeQuery(sql`select 1`.compile(db)).outcome).toEqual({ type: 'waiting', for: ['select 1'] })
})
