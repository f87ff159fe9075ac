import { affected, all, createUnitOfWork, defineRepository, one, program, UsageError } from '@leasehold/core'
import { checkRepository, RecordingDriver, refusal, type Script } from '@leasehold/core/testing'
import { expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf, read, record, write } from '../support/unit.ts'

const accounts = defineRepository('accounts', {
  byId: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  named: (name: string, cents = 0) =>
    db.selectFrom('accounts').select('id').where('ownerName', '=', name).where('cents', '>', cents),
  clear: (really?: boolean) => affected(db.deleteFrom('accounts').where('id', '>', really === true ? 0 : 1)),
})

test('check has the statements prepared, not run, as far as the answers lead', async () => {
  const { uow, driver } = record()
  const unit = program(function* () {
    yield* all([read('a'), write('b')])
    yield* write('c')
  })
  expect(await uow.check(unit)).toEqual([
    { label: 'a', sql: 'select * from `accounts`', error: undefined },
    { label: 'b', sql: 'update `accounts` set `cents` = ?', error: undefined },
  ])
  expect(driver.journal).toEqual(['acquire', ['prepare'], ['prepare'], ['rollback'], 'release'])
  expect(driver.flights[0]?.[0]).toMatchObject({ label: 'a', statement: { kind: 'read' } })
  expect(await uow.check(unit, { a: [], b: 1 })).toHaveLength(3)
  expect(await uow.check(all([]))).toEqual([])
})

test('check gives the refusal of each statement, and rejects when none can be looked at', async () => {
  const refusing = record({
    answers: { prepare: ({ before }) => (before === 0 ? refusal('unknown-name') : {}) },
  })
  expect(await refusing.uow.check(all([read('a'), read('b')]))).toMatchObject([
    { label: 'a', error: { kind: 'unknown-name', label: 'a', sql: 'select * from `accounts`' } },
    { label: 'b', error: undefined },
  ])
  const lost = record({ lost: { flight: 1, sent: true } })
  expect(await failureOf(lost.uow.check(read('a')))).toMatchObject({ name: 'ConnectionLostError' })
  const { uow } = record()
  expect(await failureOf(uow.run(() => uow.check(read('a'))))).toBeInstanceOf(UsageError)
})

test('checkRepository calls each function with its sample', async () => {
  const driver = new RecordingDriver()
  const uow = createUnitOfWork({ driver })
  expect(await checkRepository(accounts, uow, { byId: [7], named: ['Ann', 3] })).toEqual([])
  const parameters = driver.flights
    .flat()
    .flatMap((command) => (command.type === 'prepare' ? [command.statement.parameters] : []))
  expect(parameters).toEqual([[7], ['Ann', 3], [1]])
})

test('checkRepository finds what the server refuses, and functions that fail', async () => {
  const script: Script = { answers: { prepare: refusal('unknown-name') } }
  const broken = defineRepository('broken', {
    ...accounts,
    throws: () => {
      throw new Error('mine')
    },
    none: () => 1,
  })
  const findings = await checkRepository(broken, record(script).uow, { byId: [7], named: ['Ann'] })
  expect(findings).toMatchObject([
    {
      label: 'accounts.byId',
      sql: 'select * from `accounts` where `id` = ?',
      error: { kind: 'unknown-name' },
    },
    { label: 'named', sql: /^select `id`/, error: { kind: 'unknown-name' } },
    { label: 'accounts.clear', error: { kind: 'unknown-name' } },
    { label: 'throws', sql: undefined, error: { message: 'mine' } },
    { label: 'none', sql: undefined, error: { name: 'UsageError' } },
  ])
})
