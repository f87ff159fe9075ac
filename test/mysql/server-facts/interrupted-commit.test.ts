/** KILL QUERY and COMMIT: which comes first, the answer to COMMIT tells. */
import { setImmediate as turn } from 'node:timers/promises'
import { testSeed } from '@leasehold/test-support/test-seed'
import { createConnection } from 'mysql2/promise'
import { beforeEach, expect, test } from 'vitest'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { UNTOUCHED, useFixture } from '../support/fixture.ts'
import { useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
beforeEach(() => fixture.restore())

test('refused with 1317 it is rolled back, answered with OK it is committed; the next statement is not met', async () => {
  const random = new Random(testSeed())
  const killer = await createConnection(fixture.database.uri)
  const session = await open()
  await session.run('set autocommit = 0')
  for (let round = 1; round <= 400; round += 1) {
    const before = (await fixture.balances())[1] ?? Number.NaN
    const written = session.errnoOf('update accounts set cents = cents + 1 where id = 1')
    const committed = written.then(() => session.errnoOf('commit'))
    const until = performance.now() + random.integer(0, 100) / 100
    while (performance.now() < until) await turn()
    await killer.query(`kill query ${session.id}`)
    const refusals = [await written, await committed]
    expect(refusals.filter((errno) => errno !== undefined && errno !== 1317)).toEqual([])
    expect(await session.errnoOf('do 0')).toBeUndefined()
    await session.run('rollback')
    const done = refusals.every((errno) => errno === undefined)
    expect((await fixture.balances())[1]).toBe(before + (done ? 1 : 0))
  }
  await killer.end()
})

test('in a lock wait the statement is refused, and its transaction goes on', async () => {
  const [holder, waiter] = [await open(), await open()]
  await holder.run('begin')
  await holder.run('update accounts set cents = 0 where id = 9')
  await waiter.run('begin')
  await waiter.run('update accounts set cents = 101 where id = 1')
  const waiting = waiter.errnoOf('update accounts set cents = 0 where id = 9')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await holder.run(`kill query ${waiter.id}`)
  expect(await waiting).toBe(1317)
  await waiter.run('commit')
  await holder.run('rollback')
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
})

test('PREPARE opens no transaction and holds no lock, whether it fails or not', async () => {
  const session = await open()
  await session.run('set autocommit = 0')
  await session.connection.prepare('select * from accounts where id = ?')
  await expect(session.connection.prepare('select * from missing where id = ?')).rejects.toMatchObject({
    errno: 1146,
  })
  expect((await session.run('do 0')).serverStatus & 1).toBe(0)
  await fixture.rows('alter table accounts add column a int, algorithm = copy')
  await fixture.rows('alter table accounts drop column a')
})
