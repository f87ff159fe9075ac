/** How sessions end, and when their locks come free. */
import { once } from 'node:events'
import { beforeEach, expect, test } from 'vitest'
import { eventually, useFixture } from '../support/fixture.ts'
import { type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
beforeEach(() => fixture.restore())

const endless = `select count(*) from ${Array.from('abcdefghi', (name) => `accounts ${name}`).join(', ')} where rand() < 0`

/** A session that holds account 1 and reads for longer than anybody waits. */
async function busy(): Promise<Session & { readonly ended: Promise<unknown> }> {
  const session = await open()
  await session.run('begin')
  await session.run('update accounts set cents = 0 where id = 1')
  const ended = session.rows(endless).catch((error: unknown) => error)
  await eventually(async () =>
    (await fixture.sessions()).some(({ id, statement }) => id === session.id && statement !== null),
  )
  return { ...session, ended }
}

test('a closed connection leaves statement and locks, KILL frees them', async () => {
  const session = await busy()
  session.connection.destroy()
  const rival = await open()
  await rival.run('set innodb_lock_wait_timeout = 1')
  expect(await rival.errnoOf('select * from accounts where id = 1 for update')).toBe(1205)
  await fixture.oracle.query(`kill ${session.id}`)
  await rival.run('set innodb_lock_wait_timeout = 20')
  expect(await rival.rows('select cents from accounts where id = 1 for update')).toEqual([{ cents: 100 }])
})

test('a killed session closes its connection without a word', async () => {
  const session = await busy()
  await fixture.oracle.query(`kill ${session.id}`)
  expect(await session.ended).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
  await eventually(async () => (await fixture.sessions()).every(({ id }) => id !== session.id))
  await expect(fixture.oracle.query(`kill ${session.id}`)).rejects.toMatchObject({ errno: 1094 })
})

test('a session that was idle for too long says so on MySQL, and just ends on MariaDB', async () => {
  const session = await open()
  const lost = once(session.connection, 'error')
  await session.run('set wait_timeout = 1')
  const [error] = (await lost) as [{ code?: unknown }]
  // mysql2 gives the number of an error that nobody asked for as its code.
  expect(error.code === 4031).toBe(fixture.server.kind === 'mysql')
})
