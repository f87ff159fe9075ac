import { afterCommit, all, program, type Queryable, type UnitOfWork } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const transfer = (from: number, to: number, cents: number) =>
  program(function* () {
    const payer = yield* accounts.lock(from)
    yield* accounts.add(from, -cents)
    yield* accounts.add(to, cents)
    return payer.name
  })

/** Code under test: it runs two units. */
async function payAndOpen(uow: UnitOfWork, name: string): Promise<string> {
  const payer = await uow.run(transfer(1, 2, 30))
  await uow.run(accounts.open(name, 0))
  return payer
}

test.each([true, false])(
  'units see each other, and nothing of them stays (pipeline: %s)',
  async (pipeline) => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    const called: string[] = []
    const seen = await uow.sandbox(async (q, sandboxed) => {
      await q(accounts.add(1, 900))
      expect(await payAndOpen(sandboxed, 'new')).toBe('account 1')
      await sandboxed.run(afterCommit(() => called.push('committed')))
      return q.all({ all: accounts.all(), first: accounts.byId(1) })
    })
    expect(seen.first.cents).toBe(970)
    expect(seen.all).toHaveLength(10)
    expect(called).toEqual(['committed'])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats()).toMatchObject({ leased: 0, created: 1 })
  },
)

test('a unit that fails is undone alone', async () => {
  const cents = await fixture.uow().sandbox(async (q, sandboxed) => {
    await sandboxed.run(accounts.add(1, 5))
    await expect(payAndOpen(sandboxed, 'account 3')).rejects.toMatchObject({ kind: 'duplicate-key' })
    const failing = sandboxed.run(async (q) => {
      await q(accounts.add(1, 50))
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    return (await q(accounts.byId(1))).cents
  })
  expect(cents).toBe(75)
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('a deadlock ends the sandbox, for its transaction is gone', async () => {
  await withRival(fixture, async (rival) => {
    const sandbox = fixture.uow().sandbox(async (q, sandboxed) => {
      await q(accounts.add(1, 5))
      const losing = sandboxed.run(async (q) => {
        await q(accounts.lock(8))
        await rival.waitForUnit()
        await q(accounts.add(9, 1))
      })
      await expect(losing).rejects.toMatchObject({ kind: 'deadlock' })
      await expect(sandboxed.run(accounts.add(3, 5))).rejects.toThrow('the sandbox has failed (see cause)')
    })
    await expect(sandbox).rejects.toMatchObject({ kind: 'deadlock' })
  })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

describe.each([true, false])('a deadline of a unit inside, pipeline: %j', (pipeline) => {
  const asleep = db.selectNoFrom(sql<number>`sleep(30)`.as('slept'))

  test.each<[string, Queryable]>([
    ['in a statement', all([accounts.add(2, 1), asleep])],
    ['in a procedure', sql`call sleeping()`.compile(db)],
  ])('%s ends that unit alone', async (_, stuck) => {
    await fixture.oracle.query(
      'create procedure sleeping() begin update accounts set cents = 0; do sleep(30); end',
    )
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    const balances = await uow.sandbox(async (q, sandboxed) => {
      await sandboxed.run(accounts.add(1, 1))
      await expect(sandboxed.run(stuck, { timeout: 200 })).rejects.toMatchObject({ name: 'DeadlineError' })
      await sandboxed.run(accounts.add(1, 1))
      return q.all([accounts.byId(1), accounts.byId(2)])
    })
    expect(balances).toMatchObject([{ cents: 102 }, { cents: 100 }])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats()).toMatchObject({ created: 1, open: 1 })
    await fixture.oracle.query('drop procedure sleeping')
  })
})

test('a deadline in a unit of a sandbox stops its statement, and the connection is kept', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  await uow.run(accounts.all())
  const sandbox = uow.sandbox(
    async (_, sandboxed) => {
      await sandboxed.run(accounts.add(1, 1))
      await sandboxed.run(db.selectNoFrom(sql<number>`sleep(30)`.as('slept')))
    },
    { timeout: 200 },
  )
  await expect(sandbox).rejects.toMatchObject({ name: 'DeadlineError' })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
  expect(await uow.read(accounts.byId(1))).toMatchObject({ cents: 100 })
  expect(uow.stats()).toMatchObject({ created: 1, open: 1 })
})
