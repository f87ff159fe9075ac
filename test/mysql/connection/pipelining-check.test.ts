import { all, type UnitOfWork } from '@leasehold/core'
import {
  isPipelined,
  type RecordingProxy,
  startRecordingProxy,
  type Verdict,
} from '@leasehold/test-support/recording-proxy'
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import { accounts, eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { startManglingProxy } from '../support/mangling-proxy.ts'

const fixture = useFixture()
let warning: MockInstance<typeof process.emitWarning>
beforeEach(() => fixture.restore())
beforeEach(() => {
  warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => warning.mockRestore())

const WARNED = [[expect.stringContaining('one at a time'), { type: 'LeaseholdPipelineWarning' }]]

/** Runs units until something has become of it; gives how many there were. */
async function runUntil(uow: UnitOfWork, condition: () => boolean): Promise<number> {
  let units = 0
  await eventually(async () => {
    await uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]))
    units += 1
    return condition()
  })
  return units
}

/** Whether a connection carries statements together, and has them answered. */
const pipelines = ({ conversations }: RecordingProxy): boolean =>
  conversations.some(
    (conversation) =>
      conversation.isOpen && conversation.packets.some((packet) => isPipelined(packet, conversation)),
  )

test.each([
  ['swallows a statement sent behind another', 'drop'],
  ['cuts the connection for one', 'cut'],
] as const)('a proxy that %s is served one at a time, and told of', async (_, verdict) => {
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet, conversation) => (isPipelined(packet, conversation) ? verdict : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 } })
  await Promise.all([1, 2, 3].map((id) => uow.run(accounts.add(id, 1))))
  const units = await runUntil(uow, () => uow.stats().created === 3)
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 + units, 2: 101 + units, 3: 101 })
  expect(warning.mock.calls).toEqual(WARNED)
  await uow.close()
  await proxy.stop()
})

test('a proxy that cuts statements where the one before would end is served one at a time, from the first unit on', async () => {
  const proxy = await startManglingProxy(fixture.server)
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 3 } })
  const transfers = Array.from({ length: 60 }, (_, index) =>
    uow.run(all([accounts.add(1 + (index % 3), 1), accounts.add(4 + (index % 3), -1), accounts.byId(9)])),
  )
  await Promise.all(transfers)
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 120, 2: 120, 3: 120, 4: 80, 5: 80, 6: 80 })
  expect(warning.mock.calls).toEqual(WARNED)
  await uow.close()
  await proxy.stop()
})

test.each([['a cut'], ['a stall']])(
  '%s while the first connection is set up costs no more than that, and is not told of',
  async (fault) => {
    let faults = 0
    const proxy: RecordingProxy = await startRecordingProxy({
      target: fixture.server,
      onPacket(packet, conversation): Verdict {
        if (!isPipelined(packet, conversation) || faults > 0) return 'forward'
        faults += 1
        if (fault === 'a cut') return 'cut'
        proxy.pause()
        setTimeout(() => proxy.resume(), 2_200)
        return 'forward'
      },
    })
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 } })
    await uow.run(accounts.add(1, 1))
    expect(pipelines(proxy)).toBe(false)
    await runUntil(uow, () => pipelines(proxy))
    expect(faults).toBe(1)
    expect(warning.mock.calls).toEqual([])
    await uow.close()
    await proxy.stop()
  },
)

test('when a better proxy comes in place of one, statements travel together again', async () => {
  let verdict: Verdict = 'cut'
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet, conversation) => (isPipelined(packet, conversation) ? verdict : 'forward'),
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 2 } })
  await runUntil(uow, () => warning.mock.calls.length === 1)
  verdict = 'forward'
  await runUntil(uow, () => pipelines(proxy))
  await Promise.all([uow.run(accounts.add(1, 1)), uow.run(accounts.add(2, 1))])
  expect(warning.mock.calls).toEqual(WARNED)
  await uow.close()
  await proxy.stop()
})

test('a session is set up in one round trip', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port })
  await uow.run(accounts.all())
  const sent = proxy.conversations[0]?.packets ?? []
  const flights = sent.filter(
    (packet, index) =>
      packet.from === 'client' && packet.sequence === 0 && sent[index - 1]?.from === 'server',
  )
  // The session's, and the unit's.
  expect(flights).toHaveLength(2)
  await uow.close()
  await proxy.stop()
})

test('a compressed connection is served one at a time', async () => {
  const uow = fixture.uow({ compress: true })
  await uow.run(all(Array.from({ length: 9 }, (_, index) => accounts.add(index + 1, 1))))
  const text = 'x'.repeat(100_000)
  await expect(uow.run(accounts.open(text, 1))).rejects.toMatchObject({ kind: 'data' })
  expect(Object.values(await fixture.balances())).toEqual(Array.from({ length: 9 }, () => 101))
  expect(uow.stats()).toMatchObject({ created: 1 })
})
