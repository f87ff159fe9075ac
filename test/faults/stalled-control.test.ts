import { all } from '@leasehold/core'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { expect, test } from 'vitest'
import { accounts, eventually, useFixture } from '../mysql/support/fixture.ts'

const fixture = useFixture()

test('sessions are killed even if the connection that kills them has stalled', async () => {
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, connectTimeout: 300 })
  const stuck = all([accounts.add(1, 1), accounts.add(9, 1)])
  const noneIsStuck = async (): Promise<boolean> =>
    (await fixture.sessions()).every(({ statement }) => statement === null)
  await fixture.oracle.query('begin')
  await fixture.oracle.query('update accounts set cents = 0 where id = 9')
  try {
    await expect(uow.run(stuck, { timeout: 100 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await eventually(noneIsStuck)
    // The unit's own is kept, and so is the control connection, for the next.
    expect(proxy.links).toHaveLength(2)
    proxy.links[1]?.stall()
    await expect(uow.run(stuck, { timeout: 100 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await expect(uow.run(stuck, { timeout: 100 })).rejects.toMatchObject({ name: 'DeadlineError' })
    await eventually(noneIsStuck)
  } finally {
    await fixture.oracle.query('rollback')
  }
  await uow.close()
  await proxy.stop()
})
