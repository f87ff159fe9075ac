import {
  afterCommit,
  afterRollback,
  all,
  attempt,
  program,
  type UnitEvent,
  UsageError,
} from '@leasehold/core'
import { refusal } from '@leasehold/core/testing'
import { tracingChannel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

const plan = [{ table: 'accounts', type: 'ALL' }]

test('an EXPLAIN goes before each statement in its flight, and all is rolled back', async () => {
  const { uow, driver } = record({ answers: { explain: plan, a: [{ id: 7 }] } })
  const unit = program(function* () {
    const [[row]] = yield* all([read('a'), write('b')])
    yield* write(`c${row?.id}`)
  })
  expect(await uow.explain(unit)).toEqual([
    { label: 'a', sql: 'select * from `accounts`', plan },
    { label: 'b', sql: 'update `accounts` set `cents` = ?', plan },
    { label: 'c7', sql: 'update `accounts` set `cents` = ?', plan },
  ])
  expect(driver.journal).toEqual([
    'acquire',
    ['explain', 'a', 'explain', 'b'],
    ['explain', 'c7'],
    ['rollback'],
    'release',
  ])
})

test('what only reads is not committed either', async () => {
  const { uow, driver } = record()
  expect(await uow.explain(read('a'))).toEqual([{ label: 'a', sql: 'select * from `accounts`', plan: [] }])
  expect(driver.sent).toEqual(['explain', 'a', 'rollback'])
})

test('a query without statements has no plans, and takes no connection', async () => {
  const { uow, driver } = record()
  expect(await uow.explain(all([]))).toEqual([])
  expect(driver.journal).toEqual([])
})

test('no hook is called', async () => {
  const called: string[] = []
  const { uow } = record()
  await uow.explain(
    all([write('a'), afterCommit(() => called.push('commit')), afterRollback(() => called.push('rollback'))]),
  )
  expect(called).toEqual([])
})

test('a failure comes out as it does of run', async () => {
  const { uow, driver } = record({ answers: { b: refusal('duplicate-key') } })
  expect(await failureOf(uow.explain(write('a').andThen(() => write('b'))))).toMatchObject({
    kind: 'duplicate-key',
    label: 'b',
  })
  expect(driver.sent).toEqual(['explain', 'a', 'explain', 'b', 'rollback'])
  const refusing = record({ pipelining: false, answers: { explain: refusal('access') } })
  expect(await failureOf(refusing.uow.explain(write('a')))).toMatchObject({ kind: 'access' })
  expect(refusing.driver.sent).toEqual(['explain', 'rollback'])
})

test('attempts and raw SQL are explained, too', async () => {
  const { uow, driver } = record({ answers: { a: refusal() } })
  const plans = await uow.explain(all([attempt(write('a')), raw('b')]))
  expect(plans.map(({ label }) => label)).toEqual(['a', 'b'])
  expect(driver.journal.slice(1, -1)).toEqual([
    ['savepoint', 'explain', 'a'],
    ['rollback to'],
    ['explain', 'savepoint', 'b', 'release'],
    ['rollback'],
  ])
})

test('it is a unit that is rolled back: in events, and inside of another', async () => {
  const events: UnitEvent[] = []
  const channel = tracingChannel<unknown, UnitEvent>('leasehold:unit')
  const hear = (event: unknown): number => events.push(event as UnitEvent)
  channel.asyncEnd.subscribe(hear)
  const { uow } = record()
  await uow.explain(write('a'))
  channel.asyncEnd.unsubscribe(hear)
  expect(events).toMatchObject([{ access: 'explain', outcome: 'rolled back', unit: { label: 'a' } }])
  expect(await failureOf(uow.run(() => uow.explain(write('a'))))).toBeInstanceOf(UsageError)
})
