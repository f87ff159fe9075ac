import {
  affected,
  all,
  createUnitOfWork,
  inserted,
  many,
  maybeOne,
  one,
  program,
  type Query,
  StatementError,
  UsageError,
} from '@leasehold/core'
import { type Answers, RecordingDriver, refusal, type Reply } from '@leasehold/core/testing'
import { type InsertResult, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf, read, record, write } from '../support/unit.ts'

const select = db.selectFrom('accounts').select(['id', 'ownerName'])
const insert = db.insertInto('accounts').values({ ownerName: 'Ann', cents: 1 })
const update = db.updateTable('accounts').set({ cents: 0 })
const row = { id: 1, ownerName: 'Ann' }

function answered(query: Query<unknown>, reply: Reply): Promise<unknown> {
  return record({ answers: { it: reply } }).uow.run(query.named('it'))
}

describe('a reply', () => {
  test('to a read is its rows, or its only row', async () => {
    expect(await answered(many(select), [row, row])).toEqual([row, row])
    expect(await answered(one(select), row)).toEqual(row)
    expect(await answered(maybeOne(select), [])).toBeUndefined()
    expect(await answered(many(select), { affectedRows: 1 })).toEqual([{ affectedRows: 1 }])
  })

  test('to a write is a count, or the parts of its result', async () => {
    expect(await answered(affected(db.deleteFrom('accounts')), 3)).toBe(3)
    expect(await answered(affected(db.deleteFrom('accounts')), { affectedRows: 2 })).toBe(2)
    expect(await answered(inserted(insert), { insertId: 7 })).toBe(7)
    const [result] = (await answered(many(insert), { insertId: 7n })) as InsertResult[]
    expect(result).toEqual({ insertId: 7n, numInsertedOrUpdatedRows: 1n })
  })

  test('to a write that answers with rows is rows', async () => {
    expect(await answered(one(insert.returning('id')), { id: 7 })).toEqual({ id: 7 })
  })

  test('to raw SQL is a list of rows, a count or parts', async () => {
    expect(await answered(many(sql`show tables`.compile(db)), [row])).toEqual([row])
    expect(await answered(affected(sql`call f()`.compile(db)), 3)).toBe(3)
    expect(await answered(affected(sql`call f()`.compile(db)), { affectedRows: 4 })).toBe(4)
  })

  test('that is an error is what the statement fails with', async () => {
    const error = await failureOf(answered(affected(update), refusal('duplicate-key', 1_062)))
    expect(error).toBeInstanceOf(StatementError)
    expect(error).toMatchObject({
      kind: 'duplicate-key',
      errno: 1_062,
      label: 'it',
      sql: 'update `accounts` set `cents` = ?',
    })
  })

  test.each<[Query<unknown>, Reply, string]>([
    [
      many(select),
      new Error('mine'),
      'the answer to it: expected refusal(kind) for a failure, got Error: mine',
    ],
    [many(select), 3, 'the answer to it: expected its row or a list of rows, got 3'],
    [
      affected(insert),
      [row],
      'the answer to it: expected a count or the parts of a result, since it gives no rows, got a list',
    ],
    [
      affected(insert),
      row,
      'the answer to it: expected a list of rows, a count, or an object of rows, affectedRows, changedRows, insertId, ' +
        'inTransaction, got one with id, ownerName',
    ],
  ])('that the statement can not have is refused: %#', async (query, reply, message) => {
    const error = await failureOf(answered(query, reply))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toHaveProperty('message', message)
  })
})

describe('answers', () => {
  test('are found by label, else by SQL; by default nothing is read, and one row written', async () => {
    const { uow } = record({ answers: { a: [row], [select.compile().sql]: [row, row] } })
    expect(await uow.run(all([read('a'), select, read('b'), write('c')]))).toEqual([[row], [row, row], [], 1])
    expect(await uow.run(read('toString'))).toEqual([])
  })

  test('may be functions, told how often they were asked before', async () => {
    const { uow } = record({ answers: { a: ({ before }) => before } })
    expect(await uow.run(all([write('a'), write('a'), write('a')]))).toEqual([0, 1, 2])
  })

  test('may be one function, told the statement', async () => {
    const answers: Answers = ({ name, sql, parameters }) =>
      name === 'byId' ? [{ sql, parameters }] : undefined
    const { uow } = record({ answers })
    const byId = many(select.where('id', '=', 4)).named('byId')
    expect(await uow.run(all([byId, read('b')]))).toEqual([
      [{ sql: 'select `id`, `ownerName` from `accounts` where `id` = ?', parameters: [4] }],
      [],
    ])
  })
})

test('flights, commits and rollbacks are written down', async () => {
  const driver = new RecordingDriver({ answers: { b: refusal() } })
  const uow = createUnitOfWork({ driver })
  const unit = program(function* () {
    yield* all([read('a'), write('a')])
    yield* write('c')
  })
  await uow.run(unit)
  await failureOf(uow.run(write('b').map(String)))
  expect(driver.journal).toEqual([
    'acquire',
    ['a', 'a'],
    ['c'],
    ['commit'],
    'release',
    'acquire',
    ['b'],
    ['rollback'],
    'release',
  ])
  expect(driver.sent).toEqual(['a', 'a', 'c', 'commit', 'b', 'rollback'])
  expect([driver.commits, driver.rollbacks]).toEqual([1, 1])
  expect(driver.flights[0]?.[1]).toMatchObject({ statement: { parameters: [0] }, label: 'a' })
})

test('an outcome key is written and found', async () => {
  const driver = new RecordingDriver()
  const uow = createUnitOfWork({ driver })
  expect(await uow.run(write('a'), { outcomeKey: 'once' })).toBe(1)
  expect(driver.sent).toEqual(['leasehold.outcome', 'a', 'commit'])
  expect(await uow.outcome('once')).toBe(false)
})

test('a use of the port that breaks its contract is an error', async () => {
  const connection = await new RecordingDriver({ pipelining: false }).acquire()
  await expect(connection.fly([{ type: 'commit' }, { type: 'rollback' }])).rejects.toThrow(
    'the contract of the driver port was broken: commands were sent together without pipelining',
  )
  await connection.fly([{ type: 'begin', options: {} }])
  expect(() => connection.release()).toThrow('release was called with a transaction open')
})
