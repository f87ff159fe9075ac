import { affected, all, attempt, createUnitOfWork, many, program, type Query } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { HOSTILE } from '../support/hostile-strings.ts'

// The server's own mode is what fresh sessions have, so this needs a server that no other test uses.
let server: TestServer
beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
})
afterAll(() => server.stop())

const db = mysqlBuilder<{ echo: { text: string } }>()
const put = (text: string) => affected(db.insertInto('echo').values({ text }))
const raw = (text: string) => many(sql.raw(text).compile(db))
const get = (text: string) => many(db.selectFrom('echo').select('text').where('text', '=', text))

test.each(['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'])(
  'strings come back as they are under the sql_mode %j',
  async (mode) => {
    const admin = await createConnection(server.uri())
    await admin.query('set global sql_mode = ?', [mode])
    await admin.query('create database if not exists escaping')
    await admin.query('drop table if exists escaping.echo')
    await admin.query(
      'create table escaping.echo (text varchar(100) character set utf8mb4 collate utf8mb4_bin)',
    )
    await admin.end()
    const uow = createUnitOfWork({ driver: mysqlDriver({ uri: server.uri('escaping'), pool: { max: 1 } }) })
    const roundTrip = program(function* () {
      yield* affected(db.deleteFrom('echo'))
      yield* all(HOSTILE.map(put))
      return yield* all(HOSTILE.map(get))
    })
    const expected = HOSTILE.map((text) => [{ text }])
    // The texts are prepared on their second use, which here is in the first unit.
    for (const form of ['text', 'prepared']) {
      expect([form, await uow.run(roundTrip)]).toEqual([form, expected])
    }
    await uow.close()
  },
)

describe.each(['', 'NO_BACKSLASH_ESCAPES'])('on a server of the sql_mode %j', (mode) => {
  const other = mode === '' ? 'NO_BACKSLASH_ESCAPES' : ''
  const set = `set sql_mode = '${other}'`

  beforeAll(async () => {
    const admin = await createConnection(server.uri())
    await admin.query('set global sql_mode = ?', [mode])
    await admin.query('create database if not exists routines')
    await admin.query('use routines')
    for (const statement of [
      'drop table if exists echo',
      'drop procedure if exists sets_mode',
      'drop procedure if exists sets_mode_and_fails',
      'drop function if exists mode_function',
      'create table echo (text varchar(100) character set utf8mb4 collate utf8mb4_bin)',
      `create trigger echo_trigger before insert on echo for each row ${set}`,
      `create procedure sets_mode() ${set}`,
      `create procedure sets_mode_and_fails() begin ${set}; signal sqlstate '45000'; end`,
      `create function mode_function() returns int no sql begin ${set}; return 1; end`,
    ]) {
      await admin.query(statement)
    }
    await admin.end()
  })

  describe.each([true, false])('with pipeline: %s', (pipeline) => {
    test.each<[string, () => Query<unknown>]>([
      ['a trigger', () => put('first')],
      ['a procedure', () => raw('call sets_mode()')],
      ['a procedure that fails', () => attempt(raw('call sets_mode_and_fails()'))],
      ['a function', () => raw('do mode_function()')],
      ['raw SQL', () => raw(set)],
      ['raw SQL behind a procedure', () => raw('call sets_mode()').andThen(() => raw(set))],
      ['raw SQL that takes it back', () => raw(set).andThen(() => raw(`set sql_mode = '${mode}'`))],
    ])('strings come back behind %s that sets another', async (_, make) => {
      const driver = mysqlDriver({ uri: server.uri('routines'), pool: { max: 1 }, pipeline })
      const uow = createUnitOfWork({ driver })
      const texts = ['C:\\new', "\\' union select 1 -- ", "'\\"]
      const found = await uow.run(async (q) => {
        await q(affected(db.deleteFrom('echo')))
        await q(all([make(), put('between')]))
        const rows: unknown[] = []
        for (const text of texts) {
          await q(put(text))
          rows.push(await q(get(text)))
        }
        return rows
      })
      expect(found).toEqual(texts.map((text) => [{ text }]))
      await uow.close()
    })
  })
})
