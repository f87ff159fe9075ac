/** By what one run of a server can be told from another, and from other servers. */
import { setTimeout as pause } from 'node:timers/promises'
import { startServer } from '@leasehold/test-support/server'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'
import { useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)

const schema = fixture.server.kind === 'mariadb' ? 'information_schema' : 'performance_schema'
const started = `select unix_timestamp() - (select variable_value from ${schema}.global_status where variable_name = 'Uptime') as started`

test('the second in which a server was started is the same at any time, for an account without any rights', async () => {
  const password = 'for-tests-only'
  await fixture.oracle.query(`create user if not exists leasehold_plain@'%' identified by '${password}'`)
  const { host, port } = fixture.server
  const plain = await createConnection({ host, port, user: 'leasehold_plain', password })
  const seen = new Set<number>()
  for (let time = 0; time < 50; time += 1) {
    const [[row]] = await plain.query<RowDataPacket[]>(started)
    seen.add(row?.['started'] as number)
    await pause(25)
  }
  await plain.end()
  expect(seen.size).toBe(1)
})

test('a server that was started again keeps its name, begins its numbers anew, and tells another second', async () => {
  const { kind } = fixture.server
  const name = kind === 'mariadb' ? '@@server_uid' : '@@server_uuid'
  const server = await startServer({ kind })
  const look = async () => {
    const connection = await createConnection(server.uri())
    const [[first]] = await connection.query<RowDataPacket[]>(`select ${name} as name`)
    const [[second]] = await connection.query<RowDataPacket[]>(started)
    await connection.end()
    return {
      id: connection.threadId,
      name: first?.['name'] as string,
      started: second?.['started'] as number,
    }
  }
  for (let connections = 0; connections < 30; connections += 1) await look()
  const before = await look()
  // Its start is told in seconds.
  await pause(1_100)
  await server.crash()
  const after = await look()
  await server.stop()
  expect(after.id).toBeLessThan(before.id)
  expect(after.name).toBe(before.name)
  expect(after.started).toBeGreaterThan(before.started)
})

test('each server runs its own comments and ignores the other’s', async () => {
  const session = await open()
  const rows = await session.rows("select 'none' /*!80000 , 'mysql' as own */ /*M! , 'mariadb' as own */")
  expect(rows).toMatchObject([{ own: fixture.server.kind }])
})

test.runIf(fixture.server.kind === 'mariadb')(
  'a variable that there is not is no row, but an error by its name',
  async () => {
    const session = await open()
    const table = 'information_schema.global_variables'
    const value = (name: string) =>
      `(select variable_value from ${table} where variable_name = '${name}') as value`
    expect(await session.rows(`select ${value('no_such')}`)).toEqual([{ value: null }])
    expect(await session.rows(`select ${value('server_uid')}`)).toEqual(
      await session.rows('select @@server_uid as value'),
    )
    expect(await session.errnoOf('select @@no_such')).toBe(1193)
  },
)
