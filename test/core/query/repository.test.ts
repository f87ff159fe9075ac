import { all, defineRepository, many, one, program, StatementError, UsageError } from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { refusal } from '@leasehold/core/testing'
import { failureOf, record } from '../support/unit.ts'

const accounts = defineRepository('accounts', {
  byId: (id: number) => one(db.selectFrom('accounts').selectAll().where('id', '=', id)),
  list: () => db.selectFrom('accounts').select('id'),
  own: () => many(db.selectFrom('accounts').select('id')).named('own label'),
})

const reports = defineRepository('reports', {
  pair: (id: number) =>
    program(function* () {
      const account = yield* accounts.byId(id)
      const [, other] = yield* all([accounts.own(), many(db.selectFrom('entries').selectAll())])
      return { account, other }
    }),
})

describe('a repository', () => {
  test('is frozen', () => {
    expect(Object.isFrozen(accounts)).toBe(true)
    expect(Object.keys(accounts)).toEqual(['byId', 'list', 'own'])
  })

  test('hands builders out as they are, to be narrowed', async () => {
    const { uow, driver } = record()
    await uow.run(accounts.list().where('cents', '>', 0))
    expect(driver.sent[0]).toBe('select `id` from `accounts` where `cents` > ?')
  })

  test('passes arguments and this on', async () => {
    const repository = defineRepository('sums', {
      one: (...numbers: number[]) => one(db.selectFrom('accounts').select('id').where('id', 'in', numbers)),
      viaThis(this: { one: (...numbers: number[]) => unknown }, number: number) {
        return this.one(number, number + 1)
      },
    })
    const { uow, driver } = record({ answers: { 'sums.one': [{ id: 1 }] } })
    await uow.run(repository.viaThis(4) as ReturnType<typeof repository.one>)
    const [command] = driver.flights[0] ?? []
    expect(command?.type === 'statement' ? command.statement.parameters : []).toEqual([4, 5])
  })

  test('refuses async functions, which could only wait for something else', () => {
    const repository = defineRepository('accounts', {
      byId: (id: number) => Promise.resolve(accounts.byId(id)),
    })
    expect(() => repository.byId(1)).toThrow(UsageError)
    expect(() => repository.byId(1)).toThrow(/accounts\.byId returned a promise/)
  })
})

describe('labels', () => {
  test('name statements in flights; the innermost wins', async () => {
    const { uow, driver } = record({ answers: { 'accounts.byId': [{ id: 1 }] } })
    await uow.run(reports.pair(1).named('outermost'))
    expect(driver.journal).toEqual([
      'acquire',
      ['accounts.byId'],
      ['own label', 'reports.pair'],
      ['commit'],
      'release',
    ])
  })

  test('name statements in errors', async () => {
    const { uow } = record({ answers: { 'accounts.byId': refusal() } })
    const error = await failureOf(uow.run(reports.pair(1)))
    expect(error).toBeInstanceOf(StatementError)
    expect(error).toMatchObject({ label: 'accounts.byId' })
    expect((error as Error).message).toMatch(/in accounts\.byId$/)
  })

  test('hold for what they were given to, and not for what comes after it', async () => {
    const { uow, driver } = record()
    const bare = many(db.selectFrom('entries').select('id'))
    await uow.run(
      all([
        bare.named('a').andThen(() => bare),
        bare.andThen(() => bare).named('b'),
        all([bare, bare.named('inner')]).named('c'),
      ]),
    )
    const sql = 'select `id` from `entries`'
    expect(driver.journal).toEqual(['acquire', ['a', 'b', 'c', 'inner'], [sql, 'b', 'commit'], 'release'])
  })
})
