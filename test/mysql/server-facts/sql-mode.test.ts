/** Which statements change `sql_mode`, and whether the status flag about its backslashes tells. */
import { beforeAll, describe, expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'
import { type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
const isMariadb = fixture.server.kind === 'mariadb'

const FLAG = 0x0200
const SET = "set sql_mode = 'NO_BACKSLASH_ESCAPES'"

beforeAll(async () => {
  for (const statement of [
    'create table sql_mode_rows (id int)',
    `create procedure sets_mode() ${SET}`,
    `create procedure sets_mode_and_fails() begin ${SET}; signal sqlstate '45000'; end`,
    `create function mode_function() returns int no sql begin ${SET}; return 1; end`,
    `create trigger mode_trigger before insert on sql_mode_rows for each row ${SET}`,
    'create view mode_view as select mode_function() as value',
  ]) {
    await fixture.oracle.query(statement)
  }
})

let session: Session

/** Whether backslashes escape nothing: by the variable, by the last answer's flag, and by how a string is read. */
async function modeAfter(
  statement: string,
): Promise<readonly [variable: boolean, flag: boolean, read: boolean]> {
  const { connection } = session
  const errno = await session.errnoOf(statement)
  const [answer] = (await connection.query('do 0')) as unknown as [{ serverStatus: number }]
  const [row] = (await session.rows(
    "select find_in_set('NO_BACKSLASH_ESCAPES', @@sql_mode) as variable, char_length('a\\\\b') as length",
  )) as { variable: number; length: number }[]
  expect(errno === undefined || errno === 1644).toBe(true)
  return [Number(row?.variable) > 0, (answer.serverStatus & FLAG) !== 0, row?.length === 4]
}

describe('a routine gives its mode back, and leaves its flag', () => {
  test.each([
    'call sets_mode()',
    'call sets_mode_and_fails()',
    'select mode_function()',
    'select value from mode_view',
    'insert into sql_mode_rows values (1)',
    'set @mode = mode_function()',
  ])('%s', async (statement) => {
    session = await open()
    expect(await modeAfter('do 0')).toEqual([false, false, false])
    expect(await modeAfter(statement)).toEqual([false, true, false])
  })
})

describe('a SET changes the mode, and its flag', () => {
  test.each([
    [SET],
    ["set @@session.sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')"],
    ...(isMariadb ? [[`execute immediate "${SET}"`]] : []),
  ])('%s', async (statement) => {
    session = await open()
    expect(await modeAfter(statement)).toEqual([true, true, true])
    expect(await modeAfter("set sql_mode = ''")).toEqual([false, false, false])
  })

  test('of a prepared statement, too', async () => {
    session = await open()
    await session.run(`prepare sets from "${SET}"`)
    expect(await modeAfter('execute sets')).toEqual([true, true, true])
  })

  test('also where the flag was as it is already', async () => {
    session = await open()
    expect(await modeAfter('call sets_mode()')).toEqual([false, true, false])
    expect(await modeAfter(SET)).toEqual([true, true, true])
  })

  test.runIf(isMariadb)('within a block that is no routine', async () => {
    session = await open()
    expect(await modeAfter(`begin not atomic ${SET}; end`)).toEqual([false, true, false])
    expect(await modeAfter(`set statement sql_mode = 'NO_BACKSLASH_ESCAPES' for select 1`)).toEqual([
      false,
      false,
      false,
    ])
  })
})

test('a reset takes the mode of the server', async () => {
  session = await open()
  await session.run(SET)
  await session.connection.reset()
  expect(await modeAfter('do 0')).toEqual([false, false, false])
})
