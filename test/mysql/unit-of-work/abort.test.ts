/** Units that are stopped at any moment: what is told is what is there, and the connections stay. */
import { affected, afterCommit, afterRollback, all, CommitUnknownError, type Query } from '@leasehold/core'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { testSeed } from '@leasehold/test-support/test-seed'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { accounts, db, eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const UNITS = 300

/** A write whose result nobody can object to, so that COMMIT travels along. */
const lone = (name: string) => affected(db.insertInto('accounts').values({ name, cents: 0 }))
const several = (name: string) => all([lone(name), accounts.add(1, 1), accounts.byId(2)])

describe.each([true, false])('with pipeline: %s', (pipeline) => {
  test.each<[string, (name: string) => Query<unknown>]>([
    ['a lone write', lone],
    ['several statements', several],
  ])(
    '%s',
    async (_, work) => {
      const random = new Random(testSeed())
      const uow = fixture.uow({ pipeline, pool: { max: 8 } })
      const committed: string[] = []
      const hooks: Record<'commit' | 'rollback', string[]> = { commit: [], rollback: [] }
      const failed: string[] = []
      const others: unknown[] = []
      const unit = async (index: number): Promise<void> => {
        const name = `unit ${index}`
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort(), random.integer(0, 6))
        const hooked = all([
          work(name),
          afterCommit(() => hooks.commit.push(name)),
          afterRollback(() => hooks.rollback.push(name)),
        ])
        try {
          await uow.run(hooked, { signal: controller.signal })
          committed.push(name)
        } catch (error) {
          if ((error as Error).name === 'DeadlineError') failed.push(name)
          else others.push(error)
        } finally {
          clearTimeout(timer)
        }
      }
      await uow.run(accounts.all())
      for (let index = 0; index < UNITS; index += 8) {
        await Promise.all(Array.from({ length: 8 }, (__, offset) => unit(index + offset)))
      }
      const found = await fixture.rows<{ name: string }>("select name from accounts where name like 'unit %'")
      expect(others).toEqual([])
      expect(found.map(({ name }) => name).sort()).toEqual(committed.toSorted())
      expect(hooks.commit.toSorted()).toEqual(committed.toSorted())
      expect(failed).toEqual(expect.arrayContaining(hooks.rollback) as unknown)
      // One in ten is allowed to be replaced; on a quiet machine none is.
      const { stopped = 0, lost = 0, spent = 0 } = uow.stats().discarded
      expect(stopped + lost + spent).toBeLessThanOrEqual(failed.length / 10)
    },
    60_000,
  )

  test('in a lock wait, with COMMIT behind it: stopped, not committed, on the same connection', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    await uow.run(accounts.all())
    await fixture.oracle.query('begin')
    await fixture.oracle.query('update accounts set cents = 100 where id = 9')
    const write = affected(db.updateTable('accounts').set({ cents: 0 }).where('id', '=', 9))
    const called: string[] = []
    const work = all([write, afterRollback(() => called.push('rollback'))])
    try {
      for (let round = 0; round < 5; round += 1) {
        await expect(uow.run(work, { timeout: 50 })).rejects.toMatchObject({
          name: 'DeadlineError',
          reason: 'timeout',
        })
      }
    } finally {
      await fixture.oracle.query('rollback')
    }
    expect(called).toEqual(Array.from({ length: 5 }, () => 'rollback'))
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats()).toMatchObject({ created: 1, open: 1 })
  })

  test('while the body waits: rolled back at once, on the same connection', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    const body = uow.run(
      async (q) => {
        await q(accounts.add(1, 1))
        await sleep(2_000)
      },
      { timeout: 50 },
    )
    await expect(body).rejects.toMatchObject({ name: 'DeadlineError' })
    await fixture.unlocked()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await eventually(() => uow.stats().idle === 1)
    expect(uow.stats().created).toBe(1)
  })
})

test('an abort in the turn from reads to units never leaves a session that takes the one for the other', async () => {
  const random = new Random(testSeed())
  const uow = fixture.uow({ pipeline: false, pool: { max: 1 } })
  for (let round = 0; round < 300; round += 1) {
    await uow.read(accounts.byId(1))
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), random.integer(0, 2))
    const told = await uow.run(several(`turn ${round}`), controller).then(
      () => 'committed',
      (error: unknown) => (error as Error).name,
    )
    clearTimeout(timer)
    expect(['committed', 'DeadlineError']).toContain(told)
    expect(await uow.run(lone(`after ${round}`))).toBe(1)
  }
}, 60_000)

describe.each([true, false])('a lone write whose COMMIT is never answered, pipeline: %j', (pipeline) => {
  test.each([{ timeout: 300, commitTimeout: 1_500 }, { commitTimeout: 500 }])(
    'is unknown after %j',
    async (limits) => {
      const proxy = await startRecordingProxy({
        target: fixture.server,
        onPacket: (packet) => (commandOf(packet)?.sql === 'COMMIT' ? 'drop' : 'forward'),
      })
      const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline })
      const unheard = uow.run(lone('unheard'), limits)
      await expect(unheard).rejects.toThrow(CommitUnknownError)
      await expect(unheard).rejects.toThrow(`COMMIT did not come within ${limits.commitTimeout} ms`)
      await uow.close()
      await proxy.stop()
    },
  )
})
