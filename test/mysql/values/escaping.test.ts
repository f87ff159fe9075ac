import { affected, all, createUnitOfWork, many, program } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { HOSTILE } from '../support/hostile-strings.ts'

// The server's own mode is what fresh sessions have, so this needs a server that no other test uses.
let server: TestServer
beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
})
afterAll(() => server.stop())

const db = mysqlBuilder<{ echo: { text: string } }>()
const put = (text: string) => affected(db.insertInto('echo').values({ text }))
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
