import { all, attempt, ResultError, StaleError, UsageError } from '@leasehold/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { documents, lines, people, useTables } from './support/tables.ts'

const fixture = useTables()

/** Person 1, in version 1. */
beforeEach(async () => {
  await fixture.unit.run(people.insert({ email: 'ann@x', name: 'Ann', cents: 5 }))
})

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  )

describe('update and patch', () => {
  test('write what they are given and count the version', async () => {
    const { unit } = fixture
    const { nameLength, ...ann } = await unit.run(people.byId(1))
    expect(nameLength).toBe(3)
    expect(await unit.run(people.update({ ...ann, name: 'Annabel', note: 'x' }))).toBe(2)
    const second = await unit.run(people.byId(1))
    expect(second).toEqual({
      ...ann,
      name: 'Annabel',
      note: 'x',
      nameLength: 7,
      version: 2,
      updatedAt: second.updatedAt,
    })
    expect(second.updatedAt.getTime()).toBeGreaterThanOrEqual(ann.updatedAt.getTime())
    expect(await unit.run(people.patch(second, { note: null }))).toBe(3)
    expect(await unit.run(people.byId(1))).toMatchObject({ name: 'Annabel', note: null, version: 3 })
  })

  test('write though the values are the same', async () => {
    expect(await fixture.unit.run(people.patch({ id: 1, version: 1 }, { name: 'Ann' }))).toBe(2)
    await fixture.unit.run(lines.insert({ orderId: 1, line: 2, text: 'a' }))
    await fixture.unit.run(lines.patch({ orderId: 1, line: 2 }, { text: 'a' }))
    await fixture.unit.run(lines.update({ orderId: 1, line: 2, text: 'b' }))
    expect(await fixture.unit.run(lines.list())).toEqual([{ orderId: 1, line: 2, text: 'b' }])
  })

  test('of no row are a ResultError where there are no versions', async () => {
    const error = await failure(fixture.unit.run(lines.patch({ orderId: 1, line: 2 }, { text: 'a' })))
    expect(error).toBeInstanceOf(ResultError)
    expect((error as Error).message).toBe('lines.patch: expected one row with the key, got none')
    await expect(fixture.unit.run(lines.delete({ orderId: 1, line: 2 }))).rejects.toThrow(ResultError)
  })

  test('refuse what would change nothing, or not what it seems to', () => {
    const patch = people.patch as (row: object, changes: object) => unknown
    for (const [row, changes, message] of [
      [{ id: 1, version: 1 }, {}, /expected values to write/],
      [{ id: 1, version: 1 }, { name: undefined }, /expected values to write/],
      [{ id: 1, version: 1 }, { id: 2 }, /id can't be patched/],
      [{ id: 1, version: 1 }, { ID: 2 }, /ID can't be patched/],
      [{ id: 1, version: 1 }, { name: 'x', Version: 9 }, /Version can't be patched/],
      [{ id: 1, version: 1 }, { name: 'x', deletedAt: null }, /deletedAt can't be patched/],
      [
        { id: 1 },
        { name: 'x' },
        /expected version to be the version that the row was read in, got undefined/,
      ],
      [{ version: 1 }, { name: 'x' }, /expected a value for the key column id, got undefined/],
    ] as const) {
      expect(() => patch(row, changes)).toThrow(UsageError)
      expect(() => patch(row, changes)).toThrow(message)
    }
    expect(() => lines.byId(1 as unknown as { orderId: 1; line: 1 })).toThrow(
      /expected a record with orderId, line/,
    )
  })
})

describe('a version', () => {
  test('that was lost is a StaleError with what is there now', async () => {
    const { unit } = fixture
    await unit.run(people.patch({ id: 1, version: 1 }, { name: 'B' }))
    for (const query of [
      people.patch({ id: 1, version: 1 }, { name: 'C' }),
      people.update({ id: 1, version: 1, email: 'c@x', name: 'C', cents: 1, note: null }),
      people.delete({ id: 1, version: 1 }),
    ]) {
      const error = await failure(unit.run(query))
      expect(error).toBeInstanceOf(StaleError)
      expect(error).toMatchObject({ table: 'people', key: { id: 1 }, expected: 1, actual: 2 })
      expect((error as Error).message).toBe(
        'people, by id: expected version 1, found version 2; read it again',
      )
    }
    expect(await unit.run(people.byId(1))).toMatchObject({ name: 'B', version: 2 })
  })

  test('of a row that is gone, too', async () => {
    const { unit } = fixture
    await unit.run(people.delete({ id: 1, version: 1 }))
    const gone = [
      people.patch({ id: 1, version: 2 }, { name: 'C' }),
      people.delete({ id: 1, version: 2 }),
      people.patch({ id: 404, version: 1 }, { name: 'C' }),
      people.restore({ id: 404, version: 1 }),
    ]
    for (const query of gone) {
      const error = await failure(unit.run(query))
      expect(error).toBeInstanceOf(StaleError)
      expect(error).toMatchObject({ actual: undefined })
      expect((error as Error).message).toMatch(/found no such row/)
    }
  })

  test('is that which is committed, and not that of the snapshot', async () => {
    const { unit } = fixture
    const work = unit.run(async (q) => {
      const ann = await q(people.byId(1))
      await fixture.uow().run(people.patch(ann, { name: 'theirs' }))
      expect(await q(people.byId(1))).toEqual(ann)
      return q(people.patch(ann, { name: 'ours' }))
    })
    expect(await failure(work)).toMatchObject({ name: 'StaleError', expected: 1, actual: 2 })
    expect(await unit.run(people.byId(1))).toMatchObject({ name: 'theirs' })
  })

  test('is lost by all but one of those who change it at once', async () => {
    const uow = fixture.uow()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        uow.run(people.patch({ id: 1, version: 1 }, { name: `n${index}` })),
      ),
    )
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(lost).toHaveLength(7)
    expect(lost.every(({ reason }) => reason instanceof StaleError)).toBe(true)
    expect(await uow.run(people.byId(1))).toMatchObject({ version: 2 })
  })

  test('that was lost dooms the unit, unless it is attempted', async () => {
    const { unit } = fixture
    const stale = people.patch({ id: 1, version: 7 }, { name: 'C' })
    const other = people.insert({ email: 'b@x', name: 'B' })
    expect(await failure(unit.run(all([other, stale])))).toBeInstanceOf(StaleError)
    expect(await unit.run(people.count())).toBe(1)
    expect(await unit.run(all([other, attempt(stale)]))).toMatchObject([
      expect.any(Number),
      { ok: false, error: { name: 'StaleError', actual: 1 } },
    ])
    expect(await unit.run(people.count())).toBe(2)
  })
})

describe('a deleted row', () => {
  test('is there for those who ask for it, until it is restored', async () => {
    const { unit } = fixture
    expect(await unit.run(people.delete({ id: 1, version: 1 }))).toBe(2)
    const reads = all([people.find(1), people.byIds([1]), people.list(), people.count(), people.exists()])
    expect(await unit.run(reads)).toEqual([undefined, [], [], 0, false])
    expect(await unit.run(people.page({ limit: 1 }))).toMatchObject({ rows: [] })
    await expect(unit.run(people.byEmail('ann@x'))).rejects.toThrow(ResultError)

    const withDeleted = true
    const [row] = await unit.run(people.list({ withDeleted }))
    expect(row).toMatchObject({ id: 1, version: 2, deletedAt: row?.updatedAt })
    const all2 = all([
      people.byId(1, { withDeleted }),
      people.find(1, { withDeleted }),
      people.byIds([1], { withDeleted }),
      people.page({ limit: 1, withDeleted }).map(({ rows }) => rows),
      people.count({ withDeleted }),
      people.exists({ withDeleted }),
    ])
    expect(await unit.run(all2)).toEqual([row, row, [row], [row], 1, true])

    expect(await unit.run(people.restore({ id: 1, version: 2 }))).toBe(3)
    expect(await unit.run(people.byEmail('ann@x'))).toMatchObject({ version: 3, deletedAt: null })
    await expect(unit.run(people.restore({ id: 1, version: 3 }))).rejects.toThrow(StaleError)
  })

  test('is gone where there is no column to mark it', async () => {
    const { unit } = fixture
    await unit.run(documents.insert({ id: 'a', body: '' }))
    expect(await unit.run(documents.delete('a'))).toBeUndefined()
    expect(await fixture.stored('select * from documents')).toEqual([])
    expect('restore' in documents).toBe(false)
  })
})
