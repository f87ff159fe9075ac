import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { all } from '@leasehold/core'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { expect, test } from 'vitest'
import { accounts, eventually, useFixture } from '../mysql/support/fixture.ts'

const fixture = useFixture()

test('sessions are killed even if the connection that kills them has stalled', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, connectTimeout: 2_000 })
  const stuck = all([accounts.add(1, 1), accounts.add(9, 1)])
  const noneIsStuck = async (): Promise<boolean> =>
    (await fixture.sessions()).every(({ statement }) => statement === null)
  // The time is not to be spent on a connection.
  await uow.run(accounts.all())
  await fixture.oracle.query('begin')
  await fixture.oracle.query('update accounts set cents = 0 where id = 9')
  try {
    await expect(uow.run(stuck, { timeout: 500 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await eventually(noneIsStuck)
    // The unit's own is kept, and so is the control connection, for the next.
    expect(proxy.links).toHaveLength(2)
    proxy.links[1]?.stall()
    await expect(uow.run(stuck, { timeout: 500 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await expect(uow.run(stuck, { timeout: 500 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await eventually(noneIsStuck)
  } finally {
    await fixture.oracle.query('rollback')
  }
  await uow.close()
  await proxy.stop()
})

test('what is left to be killed when the driver is closed has a limit in all, and then nothing is open', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {}).resume()))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  let lead: { host: string; port: number } = fixture.server
  const proxy = await startFaultProxy({ target: () => lead })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { closeTimeout: 100 } })
  await fixture.oracle.query('begin')
  await fixture.oracle.query('update accounts set cents = 0 where id = 9')
  try {
    const units = [1, 2, 3].map((id) => uow.run(all([accounts.add(id, 1), accounts.add(9, 1)])))
    const ends = Promise.allSettled(units)
    await eventually(
      async () =>
        (await fixture.sessions()).filter(({ statement }) => statement?.includes('`id` = 9')).length === 3,
    )
    lead = { host: '127.0.0.1', port }
    await uow.close()
    for (const end of await ends) expect(end).toMatchObject({ reason: { name: 'ConnectionLostError' } })
    await eventually(() => sockets.length > 0 && sockets.every(({ destroyed }) => destroyed))
    expect(proxy.links).toEqual([])
  } finally {
    await fixture.oracle.query('rollback')
  }
  await proxy.stop()
  silent.close()
})
