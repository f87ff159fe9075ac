import { all, createUnitOfWork, one } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { HOSTILE } from './support/hostile-strings.ts'

// The server's own mode is what fresh sessions have, so this needs a server that no other test uses.
let server: TestServer
beforeAll(async () => {
  server = await startServer({ kind: inject('serverKind') })
})
afterAll(() => server.stop())

const db = mysqlBuilder<object>()
const echo = (value: string) => one(db.selectNoFrom(sql`${value}`.as('value'))).map((row) => row.value)

test.each(['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'])(
  'strings come back as they are under the sql_mode %j',
  async (mode) => {
    const admin = await createConnection(server.uri())
    await admin.query('set global sql_mode = ?', [mode])
    await admin.end()
    const uow = createUnitOfWork({ driver: mysqlDriver({ uri: server.uri() }) })
    expect(await uow.run(all(HOSTILE.map(echo)))).toEqual(HOSTILE)
    expect(await uow.run(all(HOSTILE.map(echo)))).toEqual(HOSTILE)
    await uow.close()
  },
)
