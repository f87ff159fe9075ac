/** What a session keeps, what of it the server reports, and what a reset makes of it. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createConnection } from 'mysql2/promise'
import { UNTOUCHED, useFixture } from '../support/fixture.ts'
import { type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
const isMariadb = fixture.server.kind === 'mariadb'
beforeEach(() => fixture.restore())

/** What a session is like that has just logged in. */
async function stateOf(session: Session): Promise<unknown> {
  const isolation = isMariadb ? '@@tx_isolation' : '@@transaction_isolation'
  const [state] = await session.rows(
    `select @leftover as leftover, @@autocommit as autocommit, @@time_zone as time_zone, ${isolation} as isolation, ` +
      `@@session_track_state_change as tracked, @@character_set_client as characters, ` +
      `is_free_lock('${fixture.database.name}') as lock_is_free`,
  )
  return state
}

describe('a reset', () => {
  test('puts back what was set, and rolls back', async () => {
    const session = await open()
    const fresh = await stateOf(session)
    await session.run(
      "set @leftover = 1, time_zone = '+05:00', session_track_state_change = 1, autocommit = 0",
    )
    await session.run('set names latin1')
    await session.run('set session transaction isolation level serializable')
    await session.run(`do get_lock('${fixture.database.name}', 0)`)
    await session.run('create temporary table accounts_of_mine (id int)')
    await session.run('update accounts set cents = 0')
    expect(await stateOf(session)).not.toEqual(fresh)
    await session.connection.reset()
    expect(await stateOf(session)).toEqual(fresh)
    expect(await session.errnoOf('select * from accounts_of_mine')).toBe(1146)
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    await fixture.unlocked()
  })

  test('keeps the database that was chosen', async () => {
    const session = await open()
    await session.run('use information_schema')
    await session.connection.reset()
    expect(await session.rows('select database() as chosen')).toEqual([{ chosen: 'information_schema' }])
  })

  test('goes back to the collation of the login on MariaDB, to that of the server on MySQL', async () => {
    const connection = await createConnection({ uri: fixture.database.uri, charset: 'utf8mb4_bin' })
    const collation = 'select @@collation_connection as login, @@global.collation_server as server'
    const ask = async () =>
      ((await connection.query(collation)) as unknown as { login: string; server: string }[][])[0]?.[0]
    const fresh = await ask()
    await connection.reset()
    const reset = await ask()
    await connection.end()
    expect(fresh?.login).toBe('utf8mb4_bin')
    expect(reset?.login).toBe(isMariadb ? 'utf8mb4_bin' : fresh?.server)
    expect(fresh?.server).not.toBe('utf8mb4_bin')
  })

  test('loses IGNORE_SPACE, if the login has asked for it, on MariaDB', async () => {
    const session = await open()
    const mode = 'select @@sql_mode like "%IGNORE_SPACE%" as ignored'
    expect(await session.rows(mode)).toEqual([{ ignored: 1 }])
    await session.connection.reset()
    expect(await session.rows(mode)).toEqual([{ ignored: isMariadb ? 0 : 1 }])
  })
})

describe('session_track_state_change', () => {
  async function isReported(statement: string): Promise<boolean> {
    const session = await open()
    await session.run('create temporary table mine (id int)')
    await session.run('set session_track_state_change = 1')
    const { stateChanges } = (await session.run(statement)) as {
      stateChanges?: { trackStateChange: string | null }
    }
    return typeof stateChanges?.trackStateChange === 'string'
  }

  test.each([
    'set @leftover = 1',
    "set time_zone = '+05:00'",
    'set names latin1',
    'create temporary table another (id int)',
    'drop temporary table mine',
    'use information_schema',
    "prepare made from 'select 1'",
  ])('reports %s', async (statement) => {
    expect(await isReported(statement)).toBe(true)
  })

  test.each([
    'do @leftover := 1',
    "do get_lock('a name', 0)",
    'set transaction isolation level serializable',
    'update accounts set cents = 0',
    'insert into mine values (1)',
    'begin',
  ])('does not report %s', async (statement) => {
    expect(await isReported(statement)).toBe(false)
  })
})
