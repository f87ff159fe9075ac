import { afterCommit, afterRollback, all, one, program } from '@leasehold/core'
import { commandOf, type Packet, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const commands = (packets: readonly Packet[]) => packets.flatMap((packet) => commandOf(packet)?.sql ?? [])

const work = program(function* () {
  yield* all([accounts.add(1, 1), accounts.add(2, 1)])
  yield* all([accounts.add(3, 1), accounts.add(4, 1)])
})
/** As text, or prepared, as the third and fourth are. */
function isUpdate(packet: Packet): boolean {
  const { name, sql = '' } = commandOf(packet) ?? {}
  return name === 'COM_STMT_EXECUTE' || (name === 'COM_QUERY' && sql.startsWith('update'))
}

const DONE = { ...UNTOUCHED, 1: 101, 2: 101, 3: 101, 4: 101 }

describe('a connection that is cut', () => {
  test.each([1, 2, 3, 4])('before update %i reaches the server: lost, and nothing remains', async (nth) => {
    let updates = 0
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: (packet) => (isUpdate(packet) && ++updates === nth ? 'cut' : 'forward'),
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
    await expect(uow.run(work, { retry: false })).rejects.toMatchObject({
      name: 'ConnectionLostError',
      sent: true,
    })
    await fixture.unlocked()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await uow.run(work)
    expect(await fixture.balances()).toEqual(DONE)
    await uow.close()
    await proxy.stop()
  })

  test('before COMMIT reaches the server: unknown, and nothing is there', async () => {
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: (packet) => (commandOf(packet)?.sql === 'COMMIT' ? 'cut' : 'forward'),
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
    await expect(uow.run(work)).rejects.toMatchObject({ name: 'CommitUnknownError' })
    await fixture.unlocked()
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await uow.close()
    await proxy.stop()
  })

  test('before the answer to COMMIT: unknown, and all is there; no hook is called', async () => {
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: ({ from }, { packets }) =>
        from === 'server' && commands(packets).at(-1) === 'COMMIT' ? 'cut' : 'forward',
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
    const called: string[] = []
    const hooked = all([
      work,
      afterCommit(() => called.push('commit')),
      afterRollback(() => called.push('rollback')),
    ])
    await expect(uow.run(hooked)).rejects.toMatchObject({ name: 'CommitUnknownError' })
    expect(await fixture.balances()).toEqual(DONE)
    expect(called).toEqual([])
    await uow.close()
    await proxy.stop()
  })

  test('at the end of a unit that reads: nobody waits for it, and the next unit has another', async () => {
    const proxy = await startRecordingProxy({
      target: fixture.server,
      onPacket: (packet) => (commandOf(packet)?.sql === 'COMMIT' ? 'cut' : 'forward'),
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
    for (const unit of [1, 2, 3]) {
      expect([unit, await uow.read(async (q) => q(accounts.all()))]).toMatchObject([unit, { length: 9 }])
      await vi.waitFor(() => expect(uow.stats()).toMatchObject({ open: 0, discarded: { lost: unit } }))
    }
    await uow.close()
    await proxy.stop()
  })
})

test('a packet that nobody asked for, right behind the login: another connection is opened', async () => {
  let repeated = false
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: ({ from, payload }) => {
      const repeats = !repeated && from === 'server' && payload[0] === 0
      repeated ||= repeats
      return repeats ? 'repeat' : 'forward'
    },
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  expect(await uow.run(accounts.add(1, 1))).toBe(1)
  expect(proxy.conversations).toHaveLength(2)
  expect(uow.stats()).toMatchObject({ open: 1, created: 1 })
  await uow.close()
  await proxy.stop()
})

test('a session that the server killed in a statement: lost, and nothing remains', async () => {
  const uow = fixture.uow()
  const running = uow.run(async (q) => {
    await q(accounts.add(1, 1))
    const { id } = await q(one(db.selectNoFrom(sql<number>`connection_id()`.as('id'))))
    await fixture.oracle.query(`kill ${id}`)
    await q(accounts.add(2, 1))
  })
  await expect(running).rejects.toMatchObject({ name: 'ConnectionLostError' })
  await fixture.unlocked()
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('what was lost does not tell the values that were sent', async () => {
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet) => (commandOf(packet)?.sql?.startsWith('insert') ? 'cut' : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const error: unknown = await uow.run(accounts.open('secret', 1)).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'ConnectionLostError' })
  expect(inspectable(error)).not.toContain('secret')
  await uow.close()
  await proxy.stop()
})

function inspectable(error: unknown): string {
  return JSON.stringify(error, (_, value: unknown) =>
    value instanceof Error
      ? Object.fromEntries(Object.getOwnPropertyNames(value).map((name) => [name, Reflect.get(value, name)]))
      : value,
  )
}
