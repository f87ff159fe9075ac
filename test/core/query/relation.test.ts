import {
  attempt,
  belongsTo,
  each,
  hasMany,
  hasOne,
  many,
  program,
  type Query,
  ResultError,
  succeed,
  UsageError,
} from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { type Account, db } from '../support/accounts.ts'
import { byKey } from '../support/by-key.ts'
import { failureOf, record } from '../support/unit.ts'

interface Entry {
  id: number
  account: number
  cents: number
  approver: number | null
}

const accountsByIds = (ids: readonly number[]): Query<Account[], 'read'> =>
  many(db.selectFrom('accounts').selectAll().where('id', 'in', ids)).named('accountsByIds')

const entriesByAccounts = (ids: readonly number[]): Query<Entry[], 'read'> =>
  many(db.selectFrom('entries').selectAll().where('account', 'in', ids))
    .map((rows) => rows as Entry[])
    .named('entriesByAccounts')

const entries = hasMany(entriesByAccounts, { from: 'id', to: 'account' })
const entry = hasOne(entriesByAccounts, { from: 'id', to: 'account' })
const account = belongsTo(accountsByIds, { from: 'account', to: 'id' })
const approver = belongsTo(accountsByIds, { from: 'approver', to: 'id' })

const accountOf = (id: number): Account => ({ id, ownerName: `owner ${id}`, cents: 0 })
const entryOf = (id: number, account: number, approver: number | null = null): Entry => ({
  id,
  account,
  cents: id,
  approver,
})

const ENTRIES = [entryOf(10, 1), entryOf(20, 2, 1), entryOf(11, 1, 2)]

/** Accounts 1 to 3, the first of which has two entries, the second one, the third none. */
function desk(): ReturnType<typeof byKey> {
  return byKey(['accountsByIds', 'entriesByAccounts'], (keys, label) =>
    label === 'accountsByIds'
      ? [1, 2, 3].filter((id) => keys.includes(id)).map(accountOf)
      : ENTRIES.filter((row) => keys.includes(row.account)),
  )
}

const accounts = succeed([accountOf(1), accountOf(2), accountOf(3)])

describe('with', () => {
  test('nests related rows into many, with one statement for each relation and one flight', async () => {
    const { uow, driver, asked } = desk()
    const query = accounts.with({ entries, again: entries })
    expect(await uow.run(query)).toEqual([
      { ...accountOf(1), entries: [ENTRIES[0], ENTRIES[2]], again: [ENTRIES[0], ENTRIES[2]] },
      { ...accountOf(2), entries: [ENTRIES[1]], again: [ENTRIES[1]] },
      { ...accountOf(3), entries: [], again: [] },
    ])
    expect(asked('entriesByAccounts')).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    expect(driver.journal[1]).toEqual(['entriesByAccounts', 'entriesByAccounts', 'commit'])
  })

  test('nests into one row, and into none', async () => {
    const { uow } = desk()
    expect(await uow.run(succeed(accountOf(2)).with({ entry }))).toEqual({
      ...accountOf(2),
      entry: ENTRIES[1],
    })
    expect(await uow.run(succeed(accountOf(3)).with({ entry }))).toEqual({ ...accountOf(3), entry: null })
    const none: Query<Account | undefined> = succeed(undefined)
    expect(await uow.run(none.with({ entry }))).toBeUndefined()
  })

  test('asks for each key once, and for none where there are none', async () => {
    const { uow, driver, asked } = desk()
    const rows = [entryOf(1, 2), entryOf(2, 1, 2), entryOf(3, 2, 2)]
    expect(await uow.run(succeed(rows).with({ account, approver }))).toMatchObject([
      { account: accountOf(2), approver: null },
      { account: accountOf(1), approver: accountOf(2) },
      { account: accountOf(2), approver: accountOf(2) },
    ])
    expect(asked('accountsByIds')).toEqual([[2, 1], [2]])
    driver.journal.length = 0
    expect(await uow.run(succeed([entryOf(1, 2)]).with({ approver }))).toMatchObject([{ approver: null }])
    expect(await uow.run(succeed<Account[]>([]).with({ entries }))).toEqual([])
    expect(driver.journal).toEqual([])
  })

  test('nests to any depth, with one statement for each level', async () => {
    const { uow, driver } = desk()
    const deep = entries.with({ account: account.with({ entries: entries.with({ approver }) }), approver })
    const result = await uow.run(accounts.with({ entries: deep }))
    expect(result[0]?.entries[1]).toEqual({
      ...ENTRIES[2],
      approver: accountOf(2),
      account: {
        ...accountOf(1),
        entries: [
          { ...ENTRIES[0], approver: null },
          { ...ENTRIES[2], approver: accountOf(2) },
        ],
      },
    })
    expect(driver.journal).toEqual([
      'acquire',
      ['entriesByAccounts'],
      ['accountsByIds', 'accountsByIds'],
      ['entriesByAccounts'],
      ['accountsByIds', 'commit'],
      'release',
    ])
  })

  test('of one relation gives a list of its own to each row', async () => {
    const { uow } = desk()
    const rows = await uow.run(succeed([accountOf(1), accountOf(1)]).with({ entries }))
    expect(rows[0]?.entries).toEqual(rows[1]?.entries)
    expect(rows[0]?.entries).not.toBe(rows[1]?.entries)
  })

  test('leaves the rows that it was given as they were', async () => {
    const given = [accountOf(1)]
    await desk().uow.run(succeed(given).with({ entries }))
    expect(given).toEqual([accountOf(1)])
  })

  test('takes more than 1 000 keys in several statements of one flight', async () => {
    const { uow, driver, asked } = byKey(['accountsByIds'], (keys) => keys.map(Number).map(accountOf))
    const rows = Array.from({ length: 2_001 }, (_, index) => entryOf(index, index))
    const result = await uow.run(succeed(rows).with({ account }))
    expect(result.every((row, index) => row.account.id === index)).toBe(true)
    expect(asked('accountsByIds').map((keys) => keys.length)).toEqual([1_000, 1_000, 1])
    expect(driver.flights).toHaveLength(1)
  })

  test('works in programs, branches and attempts', async () => {
    const { uow, driver } = desk()
    const query = program(function* () {
      return yield* each([1, 2], (id) => attempt(succeed(accountOf(id)).with({ entries })))
    })
    expect(await uow.run(query)).toMatchObject([
      { ok: true, value: { id: 1, entries: [{ id: 10 }, { id: 11 }] } },
      { ok: true, value: { id: 2, entries: [{ id: 20 }] } },
    ])
    expect(driver.sent).toContain('savepoint')
  })

  test('takes functions that give builders', async () => {
    const built = hasMany(
      (ids: readonly number[]) => db.selectFrom('entries').selectAll().where('account', 'in', ids),
      {
        from: 'id',
        to: 'account',
      },
    )
    const { uow } = record({ answers: { a: [{ id: 1, account: 1 }] } })
    expect(await uow.run(succeed({ id: 1 }).with({ built }).named('a'))).toEqual({
      id: 1,
      built: [{ id: 1, account: 1 }],
    })
  })
})

describe('what does not fit', () => {
  test('belongsTo without the row, or with several', async () => {
    const missing = await failureOf(desk().uow.run(succeed(entryOf(1, 4)).with({ account })))
    expect(missing).toBeInstanceOf(ResultError)
    expect(missing).toMatchObject({
      label: 'account',
      expected: 'exactly one row for each account',
      actual: 'none',
    })
    const twice = byKey(['accountsByIds'], () => [accountOf(1), accountOf(1)])
    expect(await failureOf(twice.uow.run(succeed(entryOf(1, 1)).with({ account })))).toMatchObject({
      actual: '2 rows',
    })
  })

  test('hasOne with several rows', async () => {
    expect(await failureOf(desk().uow.run(accounts.with({ entry })))).toMatchObject({
      name: 'ResultError',
      label: 'entry',
      actual: '2 rows',
    })
  })

  test('a row of a key that was not asked for', async () => {
    const { uow } = byKey(['accountsByIds'], () => [accountOf(7)])
    expect(await failureOf(uow.run(succeed(entryOf(1, 1)).with({ account })))).toMatchObject({
      name: 'ResultError',
      label: 'account',
    })
  })

  test.each<[string, Query<unknown>]>([
    ['rows that lack the column', succeed({ cents: 1 }).with({ entries } as never)],
    ['no rows', succeed(1 as never).with({ entries } as never)],
    ['what is no relation', succeed({ id: 1 }).with({ entries: accounts } as never)],
  ])('%s', async (_, query) => {
    expect(await failureOf(desk().uow.run(query))).toBeInstanceOf(UsageError)
  })

  test('a key with a fraction, by which a FLOAT is never found', async () => {
    const { uow, driver } = desk()
    const failure = await failureOf(uow.run(succeed([{ id: 0.1 }]).with({ entries })))
    expect(failure).toBeInstanceOf(UsageError)
    expect(failure).toHaveProperty('message', expect.stringContaining('a FLOAT is not equal to its digits'))
    expect(driver.sent).toEqual([])
  })

  test('a relation of anything but a function and columns', () => {
    expect(() => hasMany('entries' as never, { from: 'id', to: 'account' } as never)).toThrow(UsageError)
    expect(() => hasOne(entriesByAccounts, {} as never)).toThrow(/from: 'id'/)
  })
})

test('a relation is a frozen value, which with leaves as it was', async () => {
  expect(Object.isFrozen(entries)).toBe(true)
  entries.with({ account })
  expect(await desk().uow.run(succeed(accountOf(2)).with({ entries }))).toEqual({
    ...accountOf(2),
    entries: [ENTRIES[1]],
  })
})
