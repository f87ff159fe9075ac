/** Units held by hand leave neither locks nor connections behind. */
import { DeadlineError, ImplicitCommitError } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

test.each([true, false])('a held unit is there whole or not at all, with pipeline: %s', async (pipeline) => {
  const uow = fixture.uow({ pipeline, pool: { max: 1 } })
  {
    await using unit = await uow.begin()
    await unit.all([accounts.add(1, 1), accounts.add(2, 1)])
    await unit(accounts.add(3, 1))
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await unit.commit()
  }
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 2: 101, 3: 101 })
  const scope = async () => {
    await using unit = await uow.begin()
    await unit(accounts.add(1, 1))
    throw new Error('mine')
  }
  await expect(scope()).rejects.toThrow('mine')
  await fixture.unlocked()
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 2: 101, 3: 101 })
  expect(uow.stats()).toMatchObject({ leased: 0, waiting: 0, created: 1 })
})

test('a held unit that waits for a lock at its deadline frees its own', async () => {
  const uow = fixture.uow({ pool: { max: 2 } })
  await uow.run(accounts.all())
  await using holder = await uow.begin()
  await holder(accounts.add(9, 1))
  await using unit = await uow.begin({ timeout: 300 })
  await unit(accounts.add(1, 1))
  await expect(unit(accounts.add(9, 1))).rejects.toBeInstanceOf(DeadlineError)
  await expect(unit.commit()).rejects.toMatchObject({
    name: expect.stringMatching(/DeadlineError|UsageError/) as string,
  })
  await fixture.oracle.query('select id from accounts where id = 1 for update nowait')
  await holder.rollback()
  await fixture.unlocked()
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('a stream of a held unit is taken within it', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  await using unit = await uow.begin({ accessMode: 'read only' })
  const ids: number[] = []
  for await (const { id } of unit.stream(accounts.all())) ids.push(id)
  expect(ids).toHaveLength(9)
  expect(await unit(accounts.byId(1))).toMatchObject({ id: 1 })
})

test('closing waits for a held unit', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  const unit = await uow.begin()
  await unit(accounts.add(1, 1))
  const closed = uow.close()
  await unit.commit()
  await closed
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})

test('a held unit whose procedure committed says so, whatever ends it', async () => {
  await fixture.oracle.query('create procedure commits() begin commit; do sleep(2); end')
  const uow = fixture.uow()
  const scope = async (): Promise<void> => {
    await using unit = await uow.begin({ timeout: 400 })
    await unit(accounts.add(1, 1))
    await unit(sql`call commits()`.compile(db))
    await unit.commit()
  }
  await expect(scope()).rejects.toBeInstanceOf(ImplicitCommitError)
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})

test('a statement that fails frees the locks of its held unit', async () => {
  const unit = await fixture.uow().begin()
  await unit(accounts.add(1, 1))
  await expect(unit(sql`select nothing`.compile(db))).rejects.toMatchObject({ kind: 'unknown-name' })
  await fixture.oracle.query('select id from accounts where id = 1 for update nowait')
  await unit.rollback()
})
