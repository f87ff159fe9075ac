import { all } from '@leasehold/core'
import { isPipelined, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { beforeEach, expect, test, vi } from 'vitest'
import { accounts, UNTOUCHED, useFixture } from './support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

test.each([
  ['swallows a statement sent behind another', 'drop'],
  ['cuts the connection for one', 'cut'],
] as const)('a proxy that %s is served one at a time', async (_, verdict) => {
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket: (packet, conversation) => (isPipelined(packet, conversation) ? verdict : 'forward'),
  })
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const uow = fixture.uow({ host: proxy.host, port: proxy.port })
  await uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]))
  await Promise.all([1, 2, 3].map((id) => uow.run(accounts.add(id, 1))))
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 102, 2: 102, 3: 101 })
  expect(warning.mock.calls).toEqual([
    [expect.stringContaining('one at a time'), { type: 'LeaseholdPipelineWarning' }],
  ])
  warning.mockRestore()
  await uow.close()
  await proxy.stop()
})

test('a compressed connection is served one at a time', async () => {
  const uow = fixture.uow({ compress: true })
  await uow.run(all(Array.from({ length: 9 }, (_, index) => accounts.add(index + 1, 1))))
  const text = 'x'.repeat(100_000)
  await expect(uow.run(accounts.open(text, 1))).rejects.toMatchObject({ kind: 'data' })
  expect(Object.values(await fixture.balances())).toEqual(Array.from({ length: 9 }, () => 101))
})
