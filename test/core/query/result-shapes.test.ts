import {
  affected,
  inserted,
  many,
  maybeOne,
  one,
  type Query,
  type Queryable,
  ResultError,
  UsageError,
} from '@leasehold/core'
import { DeleteResult, InsertResult, UpdateResult } from 'kysely'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import type { Reply } from '@leasehold/core/testing'
import { failureOf, record } from '../support/unit.ts'

const select = db.selectFrom('accounts').select('id')
const insert = db.insertInto('accounts').values({ ownerName: 'Ann', cents: 1 })
const update = db.updateTable('accounts').set({ cents: 1 })
const remove = db.deleteFrom('accounts')

function answered(query: Query<unknown>, reply: Reply): Promise<unknown> {
  return record({ answers: { it: reply } }).uow.run(query.named('it'))
}

async function bare(builder: Queryable, reply: Reply): Promise<unknown> {
  return record({ answers: Object.fromEntries([[(builder as typeof select).compile().sql, reply]]) }).uow.run(
    builder,
  )
}

describe('many', () => {
  test.each([[[]], [[{ id: 1 }]], [[{ id: 2 }, { id: 1 }]]])('gives all rows in order: %j', async (rows) => {
    expect(await answered(many(select), rows)).toEqual(rows)
  })
})

describe('maybeOne', () => {
  test('gives the row, or undefined when there is none', async () => {
    expect(await answered(maybeOne(select), [{ id: 1 }])).toEqual({ id: 1 })
    expect(await answered(maybeOne(select), [])).toBeUndefined()
  })

  test('refuses more than one', async () => {
    const error = await failureOf(answered(maybeOne(select), [{ id: 1 }, { id: 2 }]))
    expect(error).toBeInstanceOf(ResultError)
    expect(error).toMatchObject({ label: 'it', expected: 'at most one row', actual: '2 rows' })
  })
})

describe('one', () => {
  test('gives the row', async () => {
    expect(await answered(one(select), [{ id: 1 }])).toEqual({ id: 1 })
  })

  test('refuses none', async () => {
    const error = await failureOf(answered(one(select), []))
    expect(error).toBeInstanceOf(ResultError)
    expect(error).toMatchObject({ label: 'it', expected: 'exactly one row', actual: 'none' })
    expect((error as Error).message).toBe('it: expected exactly one row, got none')
  })

  test('refuses several, with orElse too', async () => {
    const query = one(select, { orElse: () => new Error('none') })
    const error = await failureOf(answered(query, [{ id: 1 }, { id: 2 }, { id: 3 }]))
    expect(error).toBeInstanceOf(ResultError)
    expect(error).toMatchObject({ actual: '3 rows' })
  })

  test('the error of orElse comes out as the same object', async () => {
    const error = new RangeError('no such account')
    expect(await failureOf(answered(one(select, { orElse: () => error }), []))).toBe(error)
  })
})

describe('affected', () => {
  test('gives the number of matched rows', async () => {
    expect(await answered(affected(update), { affectedRows: 3, changedRows: 1 })).toBe(3)
    const select = db.selectFrom('accounts').select('id') as never
    expect(() => affected(select)).toThrow(UsageError)
    expect(() => inserted(select)).toThrow('expected a statement that writes, got a select')
    expect(await answered(affected(update), { affectedRows: 0 })).toBe(0)
  })

  test('exactly insists on a number, 0 included', async () => {
    expect(await answered(affected(update, { exactly: 2 }), { affectedRows: 2 })).toBe(2)
    expect(await answered(affected(update, { exactly: 0 }), { affectedRows: 0 })).toBe(0)
    for (const [exactly, affectedRows] of [
      [1, 0],
      [1, 2],
      [0, 1],
    ] as const) {
      const error = await failureOf(answered(affected(update, { exactly }), { affectedRows }))
      expect(error).toBeInstanceOf(ResultError)
      expect(error).toMatchObject({
        expected: `${exactly} affected ${exactly === 1 ? 'row' : 'rows'}`,
        actual: String(affectedRows),
      })
    }
  })

  test.each([-1, 1.5, Number.NaN, Infinity])('exactly: %d is refused at once', (exactly) => {
    expect(() => affected(update, { exactly })).toThrow(UsageError)
  })
})

describe('inserted', () => {
  test('gives the generated key', async () => {
    expect(await answered(inserted(insert), { insertId: 5n })).toBe(5)
    expect(await answered(inserted(insert), { insertId: 2n ** 53n - 1n })).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('refuses a key that a number can not hold', async () => {
    const error = await failureOf(answered(inserted(insert), { insertId: 2n ** 53n }))
    expect(error).toBeInstanceOf(ResultError)
    expect(error).toMatchObject({ actual: '9007199254740992' })
  })

  test('refuses a statement that generated none', async () => {
    const error = await failureOf(answered(inserted(insert), { insertId: 0n }))
    expect(error).toBeInstanceOf(ResultError)
    expect((error as Error).message).toMatch(/AUTO_INCREMENT/)
  })
})

describe('a builder without a shape gives what Kysely promises for it', () => {
  test('rows', async () => {
    expect(await bare(select, [{ id: 1 }, { id: 2 }])).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('InsertResult, beyond what a number can hold', async () => {
    const [result] = (await bare(insert, { affectedRows: 2, insertId: 2n ** 63n })) as InsertResult[]
    expect(result).toBeInstanceOf(InsertResult)
    expect(result).toMatchObject({ insertId: 2n ** 63n, numInsertedOrUpdatedRows: 2n })
  })

  test('InsertResult without a key', async () => {
    const [result] = (await bare(insert, { affectedRows: 1 })) as InsertResult[]
    expect(result?.insertId).toBeUndefined()
  })

  test('UpdateResult', async () => {
    const [result] = (await bare(update, { affectedRows: 3, changedRows: 2 })) as UpdateResult[]
    expect(result).toBeInstanceOf(UpdateResult)
    expect(result).toMatchObject({ numUpdatedRows: 3n, numChangedRows: 2n })
  })

  test('DeleteResult', async () => {
    const [result] = (await bare(remove, { affectedRows: 3 })) as DeleteResult[]
    expect(result).toBeInstanceOf(DeleteResult)
    expect(result).toMatchObject({ numDeletedRows: 3n })
  })

  test('no rows for what gives none', async () => {
    expect(await bare(db.schema.dropTable('accounts'), {})).toEqual([])
  })

  test('the rows of a write that returns them', async () => {
    expect(await bare(insert.returning('id'), [{ id: 9 }])).toEqual([{ id: 9 }])
  })

  test('one takes the only result object', async () => {
    expect(await answered(one(insert), { insertId: 2n ** 60n })).toMatchObject({ insertId: 2n ** 60n })
  })
})

test('a failed shape rolls the unit back', async () => {
  const { uow, driver } = record()
  await failureOf(uow.run(affected(update, { exactly: 2 }).named('it')))
  expect(driver.journal).toEqual(['acquire', ['it'], ['rollback'], 'release'])
})

test('options that there are none of are refused', () => {
  const rows = db.selectFrom('accounts').selectAll()
  expect(() => one(rows, { orelse: () => new Error('none') } as object)).toThrow(
    /one: unknown option orelse/u,
  )
  const write = db.updateTable('accounts').set({ cents: 0 })
  expect(() => affected(write, { exactli: 1 } as object)).toThrow(/affected: unknown option exactli/u)
})
