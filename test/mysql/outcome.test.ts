import { afterCommit, afterRollback, all, type Query } from '@leasehold/core'
import { outcomeTable } from '@leasehold/mysql'
import { commandOf, type RecordingProxy, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, UNTOUCHED, useFixture } from './support/fixture.ts'

const fixture = useFixture()
beforeAll(async () => {
  await fixture.oracle.query(outcomeTable)
})
beforeEach(() => fixture.restore())

const proxies: RecordingProxy[] = []
afterEach(() => Promise.all(proxies.splice(0).map((proxy) => proxy.stop())))

const work = (): Query<unknown> => all([accounts.add(1, 1), accounts.add(2, 1)])
const DONE = { ...UNTOUCHED, 1: 101, 2: 101 }

/** A unit of work whose first COMMIT is cut off, before the server gets it or before its answer comes. */
async function cutOff(when: 'before' | 'after') {
  let commits = 0
  let cut = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => {
      if (commandOf(packet)?.sql === 'COMMIT') {
        commits += 1
        if (commits === 1 && when === 'before') return 'cut'
      } else if (packet.from === 'server' && commits === 1 && when === 'after' && !cut) {
        cut = true
        return 'cut'
      }
      return 'forward'
    },
  })
  proxies.push(proxy)
  return fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 1 } })
}

describe.each(['before', 'after'] as const)(
  'with a key, a connection that is lost %s COMMIT was carried out',
  (when) => {
    test('has the unit happen exactly once, and its value given', async () => {
      const uow = await cutOff(when)
      const called: string[] = []
      const hooked = all([
        work(),
        afterCommit(() => called.push('once')),
        afterRollback(() => called.push('never')),
      ])
      const [value] = await uow.run(hooked, { outcomeKey: `value ${when}` })
      expect(value).toEqual([1, 1])
      expect(await fixture.balances()).toEqual(DONE)
      expect(called).toEqual(['once'])
      expect(await uow.outcome(`value ${when}`)).toBe(true)
    })

    test('tells of a body whether it is committed, and its hooks', async () => {
      const uow = await cutOff(when)
      const called: string[] = []
      const body = uow.run(
        async (q) => {
          await q(work())
          await q.all([
            afterCommit(() => called.push('committed')),
            afterRollback(() => called.push('rolled back')),
          ])
          return 'done'
        },
        { outcomeKey: `body ${when}` },
      )
      const outcome: unknown = await body.catch((error: unknown) => (error as Error).name)
      expect(outcome).toBe(when === 'after' ? 'done' : 'ConnectionLostError')
      expect(await fixture.balances()).toEqual(when === 'after' ? DONE : UNTOUCHED)
      expect(called).toEqual([when === 'after' ? 'committed' : 'rolled back'])
    })
  },
)

test('a key that was committed before: nothing of the second unit remains', async () => {
  const uow = fixture.uow()
  await uow.run(work(), { outcomeKey: 'twice' })
  await expect(uow.run(work(), { outcomeKey: 'twice' })).rejects.toMatchObject({
    name: 'AlreadyCommittedError',
  })
  const body = uow.run((q) => q(work()), { outcomeKey: 'twice' })
  await expect(body).rejects.toMatchObject({ name: 'AlreadyCommittedError' })
  expect(await fixture.balances()).toEqual(DONE)
})

test('of several at the same time, one is committed', async () => {
  const uow = fixture.uow({ pool: { max: 8 } })
  const units = Array.from({ length: 8 }, () => uow.run(work(), { outcomeKey: 'race' }))
  const settled = await Promise.allSettled(units)
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await fixture.balances()).toEqual(DONE)
})

test('the key of a unit that failed is free', async () => {
  const uow = fixture.uow()
  const failing = all([work(), accounts.open('account 9', 1)])
  await expect(uow.run(failing, { outcomeKey: 'failed' })).rejects.toMatchObject({ kind: 'duplicate-key' })
  expect(await uow.outcome('failed')).toBe(false)
  await uow.run(work(), { outcomeKey: 'failed' })
  expect(await uow.outcome('failed')).toBe(true)
})

test('keys differ by case and accent', async () => {
  const uow = fixture.uow()
  await uow.run(work(), { outcomeKey: 'Ä' })
  await uow.run(work(), { outcomeKey: 'ä' })
  expect(await uow.outcome('a')).toBe(false)
})
