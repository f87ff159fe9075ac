import { all, many, program, succeed } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const unit = program(function* () {
  const [first] = yield* accounts.all()
  if (first === undefined) return yield* succeed(0)
  yield* all([accounts.add(first.id, 5), accounts.find(first.id), accounts.lock(first.id)])
  return yield* accounts.open('new', 1)
})

describe.each([true, false])('pipeline: %s', (pipeline) => {
  test('every statement has its plan, and nothing stays', async () => {
    const plans = await fixture.uow({ pipeline }).explain(unit)
    expect(plans.map(({ label }) => label)).toEqual([
      'accounts.all',
      'accounts.add',
      'accounts.find',
      'accounts.lock',
      'accounts.open',
    ])
    for (const { plan } of plans) {
      expect(plan).toHaveLength(1)
      expect(plan[0]).toMatchObject({ id: 1, table: 'accounts' })
    }
    expect(plans[2]).toMatchObject({
      sql: 'select * from `accounts` where `id` = ?',
      plan: [{ type: 'const', key: 'PRIMARY' }],
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('raw SQL is explained where it has a plan', async () => {
    const show = many(sql`show tables`.compile(db)).named('show')
    const set = many(sql`set @a = 1`.compile(db)).named('set')
    const join = many(
      sql`select 1 from accounts a join accounts b on a.name = b.name where a.id = ${1}`.compile(db),
    ).named('join')
    const plans = await fixture.uow({ pipeline }).explain(all([show, set, join]))
    expect(plans.map(({ label, plan }) => [label, plan.length])).toEqual([
      ['show', 0],
      ['set', 0],
      ['join', 2],
    ])
  })

  test('a statement that the server refuses is refused as in run', async () => {
    const typo = many(sql`select nme from accounts`.compile(db)).named('typo')
    await expect(fixture.uow({ pipeline }).explain(typo)).rejects.toMatchObject({
      kind: 'unknown-name',
      label: 'typo',
      sql: 'select nme from accounts',
    })
  })
})
