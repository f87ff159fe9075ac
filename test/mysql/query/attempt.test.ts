import { afterCommit, all, attempt, fail, program, type Query, recover, succeed } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

class Refusal extends Error {}

describe.each([true, false])('with pipeline: %s', (pipeline) => {
  const run = <T>(query: Query<T>): Promise<T> => fixture.uow({ pipeline }).run(query)

  test('a failure undoes the attempt alone', async () => {
    const work = program(function* () {
      yield* accounts.add(1, 1)
      const outcome = yield* attempt(
        all([accounts.add(2, 1), accounts.open('account 9', 1), accounts.add(3, 1)]),
      )
      yield* accounts.add(4, 1)
      return outcome
    })
    expect(await run(work)).toMatchObject({
      ok: false,
      error: { kind: 'duplicate-key', label: 'accounts.open' },
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101, 4: 101 })
  })

  test('a success is kept, and its value given', async () => {
    expect(await run(attempt(accounts.add(1, 1)))).toEqual({ ok: true, value: 1 })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('a check, a later step, or the caller’s own error fail it as well', async () => {
    const refusal = new Refusal()
    const attempts = [
      attempt(accounts.add(404, 1)),
      attempt(accounts.add(1, 1).andThen(() => accounts.byId(404))),
      attempt(accounts.add(1, 1).andThen(() => fail(refusal))),
    ]
    expect(await run(all(attempts))).toMatchObject([
      { ok: false },
      { ok: false },
      { ok: false, error: refusal },
    ])
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('attempts nest', async () => {
    const inner = attempt(all([accounts.add(1, 1), accounts.open('account 9', 1)]))
    const kept = attempt(all([accounts.add(2, 1), inner, accounts.add(3, 1)]))
    const undone = attempt(all([accounts.add(4, 1), kept, accounts.add(404, 1)]))
    expect(await run(kept)).toMatchObject({ ok: true, value: [1, { ok: false }, 1] })
    expect(await run(undone)).toMatchObject({ ok: false, error: { name: 'ResultError' } })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 2: 101, 3: 101 })
  })

  test('branches beside an attempt are neither undone nor lost', async () => {
    const beside = [1, 2, 3].map((id) => accounts.add(id, 1).andThen(() => accounts.add(id, 1)))
    const failing = attempt(accounts.add(4, 1).andThen(() => accounts.open('account 9', 1)))
    await run(all([...beside, failing, accounts.add(5, 1), failing]))
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 102, 2: 102, 3: 102, 5: 101 })
  })

  test('recover goes on with another query', async () => {
    const opened = recover(accounts.open('account 9', 1).map(String), () =>
      accounts.byId(9).map(({ name }) => name),
    )
    expect(await run(opened)).toBe('account 9')
    expect(await run(recover(accounts.add(1, 1), () => succeed('not needed')))).toBe(1)
  })

  test('a lock timeout is survived, a deadlock is not and comes out as such', async () => {
    await withRival(fixture, async (rival) => {
      const outcome = await fixture.uow({ pipeline }).run(async (q) => {
        await q(sql`set innodb_lock_wait_timeout = 1`.compile(db))
        return q(attempt(all([accounts.add(1, 1), accounts.add(9, 1)])))
      })
      expect(outcome).toMatchObject({ ok: false, error: { kind: 'lock-timeout' } })

      const doomed = fixture.uow({ pipeline }).run(async (q) => {
        await q(accounts.lock(8))
        await rival.waitForUnit()
        await q(attempt(all([accounts.add(1, 1), accounts.add(9, 1)])))
      })
      await expect(doomed).rejects.toMatchObject({ kind: 'deadlock', errno: 1213 })
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })
})

test('hooks of a failed attempt are dropped', async () => {
  const called: string[] = []
  const hooked = (name: string): Query<void> => afterCommit(() => called.push(name))
  await fixture
    .uow()
    .run(
      all([
        hooked('before'),
        attempt(all([hooked('undone'), accounts.add(404, 1)])),
        attempt(hooked('kept')),
      ]),
    )
  expect(called).toEqual(['before', 'kept'])
})

test('a value that can not be sent fails the unit', async () => {
  const bad = accounts.open(['a', 'b'] as unknown as string, 1)
  await expect(fixture.uow().run(attempt(bad))).rejects.toMatchObject({ name: 'UsageError' })
})
