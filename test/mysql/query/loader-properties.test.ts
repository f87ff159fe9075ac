import { affected, attempt, each, fail, loader, many, maybeOne, program, type Query } from '@leasehold/core'
import { chooseSeed } from '@leasehold/test-support/seed'
import fc from 'fast-check'
import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { accounts, db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

/** One step of a unit; what an attempt does is undone if it fails. */
type Step =
  | { readonly type: 'load' | 'add' | 'raw' | 'lock' | 'remove' | 'open'; readonly id: number }
  | { readonly type: 'attempt'; readonly steps: readonly Step[]; readonly fails: boolean }

const account = loader(
  (ids: readonly number[]) => many(db.selectFrom('accounts').selectAll().where('id', 'in', ids)),
  (row) => row.id,
)

const direct = (id: number) => maybeOne(db.selectFrom('accounts').selectAll().where('id', '=', id))

const steps: fc.Arbitrary<readonly Step[]> = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      type: fc.constantFrom('load', 'load', 'add', 'raw', 'lock', 'remove', 'open'),
      id: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ type: fc.constant('attempt'), steps: tie('steps'), fails: fc.boolean() }),
  ),
  steps: fc.array(tie('step'), { maxLength: 6 }),
})).steps

class Undone extends Error {}

function run(steps: readonly Step[]): Query<void> {
  return program(function* () {
    for (const step of steps) yield* carryOut(step)
  })
}

/** What the loader gives is what is there. */
function look(ids: readonly number[]): Query<void> {
  return program(function* () {
    const loaded = yield* each(ids, (id) => account.load(id))
    expect(loaded).toEqual(yield* each(ids, direct))
  })
}

function carryOut(step: Step): Query<unknown> {
  if (step.type !== 'attempt') return simple[step.type](step.id)
  const steps = run(step.steps)
  return attempt(step.fails ? steps.andThen(() => fail(new Undone())) : steps).map((outcome) => {
    if (!outcome.ok && !(outcome.error instanceof Undone)) throw outcome.error
  })
}

const simple: Readonly<Record<Exclude<Step['type'], 'attempt'>, (id: number) => Query<unknown>>> = {
  load: (id) => look([id]),
  add: (id) =>
    affected(
      db
        .updateTable('accounts')
        .set((e) => ({ cents: e('cents', '+', 1) }))
        .where('id', '=', id),
    ),
  raw: (id) => many(sql`update accounts set cents = cents + 1 where id = ${id}`.compile(db)),
  lock: (id) => many(db.selectFrom('accounts').selectAll().where('id', '=', id).forUpdate()),
  remove: (id) => affected(db.deleteFrom('accounts').where('id', '=', id)),
  open: (id) =>
    affected(
      db
        .insertInto('accounts')
        .ignore()
        .values({ id, name: `opened ${id}`, cents: 0 }),
    ),
}

test('whatever a unit does, its loader gives what is there', async () => {
  const uow = fixture.uow()
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const undone = program(function* () {
        yield* look([1, 2, 3, 4])
        yield* run(steps)
        yield* look([1, 2, 3, 4])
        yield* fail(new Undone())
      })
      await expect(uow.run(undone)).rejects.toThrow(Undone)
    }),
    { numRuns: 150, seed: chooseSeed() },
  )
  expect(await uow.run(accounts.all())).toHaveLength(9)
})
