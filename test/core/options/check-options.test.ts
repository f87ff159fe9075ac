/** Bad options and arguments are refused by name, at once, and nothing is leased. */
import {
  afterCommit,
  afterRollback,
  affected,
  createUnitOfWork,
  many,
  one,
  tableRepository,
  type UnitOfWork,
  UsageError,
} from '@leasehold/core'
import { atMostFlights, RecordingDriver } from '@leasehold/core/testing'
import { expect, test } from 'vitest'
import { accounts as accountsOf } from '../support/tables.ts'
import { db } from '../support/accounts.ts'
import { failureOf, read, record, write } from '../support/unit.ts'

/** Any value, as JavaScript passes it. */
const any = (value: unknown): never => value as never

const ofUnits: readonly (readonly [name: string, value: unknown])[] = [
  ['isolationLevel', 'x'],
  ['isolationLevel', 5],
  ['label', 5],
  ['signal', 'x'],
  ['snapshot', 'yes'],
  ['statementTimeout', 0],
  ['statementTimeout', 1.5],
  ['statementTimeout', '5'],
  ['timeout', -1],
  ['timeout', Number.NaN],
]
const ofRuns = [...ofUnits, ['accessMode', 'x'], ['retry', 5], ['commitTimeout', -1]] as const

const calls: Readonly<Record<string, (uow: UnitOfWork, options: never) => unknown>> = {
  run: (uow, options) => uow.run(read('a'), options),
  read: (uow, options) => uow.read(read('a'), options),
  begin: (uow, options) => uow.begin(options),
  explain: (uow, options) => uow.explain(read('a'), options),
  check: (uow, options) => uow.check(read('a'), {}, options),
  sandbox: (uow, options) => uow.sandbox(() => Promise.resolve(), options),
  stream: async (uow, options) => {
    for await (const _ of uow.stream(read('a'), options)) break
  },
  with: (uow, options) => uow.with(options),
  lease: (uow, options) => uow.lease(options),
}

/** What a call throws, or rejects with. */
const failure = async (call: () => unknown): Promise<Error> =>
  (await failureOf((async () => call())())) as Error

test.each([
  ...Object.keys(calls).flatMap((call) => [
    [call, null],
    [call, 5],
    [call, 'x'],
    [call, []],
    [call, { timeoutt: 5 }],
  ]),
  ...ofRuns.map(([name, value]) => ['run', { [name]: value }]),
  ...ofUnits.flatMap(([name, value]) =>
    ['read', 'begin', 'explain', 'check', 'sandbox', 'stream', 'with'].map((call) => [
      call,
      { [name]: value },
    ]),
  ),
  ...['read', 'explain', 'check', 'sandbox', 'stream', 'with'].map((call) => [
    call,
    { accessMode: 'read only' },
  ]),
  ...['read', 'begin', 'stream', 'with'].map((call) => [call, { outcomeKey: 'a' }]),
  ['begin', { retry: true }],
  ['run', { retry: { backoff: 5 } }],
  ['run', { retry: { lockTimeouts: 'yes' } }],
  ['with', { tags: 'x' }],
  ['with', { tags: { request: 5 } }],
  ['lease', { label: 5 }],
] as unknown as [string, unknown][])('%s refuses %j', async (call, options) => {
  const { uow, driver } = record()
  const error = await failure(() => calls[call]?.(uow, any(options)))
  expect(error).toBeInstanceOf(UsageError)
  const [name] = Object.keys(Object(options) as object)
  expect(error.message).toContain(
    typeof options === 'object' && name !== undefined ? name : 'expected an object',
  )
  expect(driver.journal).toEqual([])
})

const driver = new RecordingDriver()

test.each([
  undefined,
  null,
  {},
  { driver: undefined },
  { driver: {} },
  { driver: 'mysql://localhost' },
  { driver, default: {} },
  { driver, onHookError: 5 },
  { driver, warnUnused: 'yes' },
  { driver, leakAfter: '5' },
  ...ofUnits.map(([name, value]) => ({ driver, defaults: { [name]: value } })),
  { driver, defaults: null },
])('createUnitOfWork refuses %j', (options) => {
  expect(() => createUnitOfWork(any(options))).toThrow(UsageError)
})

const accounts = tableRepository(db, 'accounts', { key: 'id' })

test.each<[string, () => unknown]>([
  ['one of a query', () => one(any(accountsOf.byId(1)))],
  ['many of a query', () => many(any(read('a')))],
  ['orElse that is no function', () => one(db.selectFrom('accounts').selectAll(), { orElse: any(5) })],
  ['exactly that is no number', () => affected(any(db.deleteFrom('accounts')), { exactly: any('1') })],
  ['a hook that is no function', () => afterCommit(any(5))],
  ['a hook that is no function', () => afterRollback(any(undefined))],
  ['an order that is no list', () => accounts.list({ orderBy: any('name') })],
  ['a condition that is no function', () => accounts.list({ where: any({}) })],
  ['a page without options', () => accounts.page(any(undefined))],
  ['withDeleted that is no boolean', () => accounts.find(1, any({ withDeleted: 1 }))],
  ['a key that is a function', () => accounts.find(any(() => 1))],
  ['a key that is an object', () => accounts.byId(any({ id: Symbol('a') }))],
  ['a repository without a key', () => tableRepository(db, 'accounts', any({}))],
  ['a repository without options', () => tableRepository(db, 'accounts', any(undefined))],
  ['a column that is no name', () => tableRepository(db, 'accounts', any({ key: 'id', version: 5 }))],
])('%s is refused', async (_, call) => {
  expect(await failure(call)).toBeInstanceOf(UsageError)
})

test('functions that take work refuse a query in its place', async () => {
  const { uow } = record()
  expect((await failure(() => uow.sandbox(any(write('a'))))).message).toMatch(/^sandbox: expected a function/)
  expect((await failure(() => atMostFlights(1, any(write('a'))))).message).toMatch(
    /^atMostFlights: expected a function/,
  )
})

test('an option that is undefined counts as absent', async () => {
  const { uow } = record()
  const nothing = { timeout: undefined, label: undefined, retry: undefined, isolationLevel: undefined }
  await uow.run(write('a'), { ...nothing, accessMode: undefined, outcomeKey: undefined })
  await uow.with({ ...nothing, tags: undefined }).read(read('a'), nothing)
  expect(one(db.selectFrom('accounts').selectAll(), { orElse: undefined })).toBeDefined()
  expect(accounts.list({ where: undefined, orderBy: undefined, limit: undefined })).toBeDefined()
})
