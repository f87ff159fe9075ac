/** What the servers count as affected, for a client that has asked for the rows found (CLIENT_FOUND_ROWS). */
import { beforeEach, expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'
import { useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
beforeEach(() => fixture.restore())

const upsert = (cents: string): string =>
  `insert into accounts (id, name, cents) values (1, 'account 1', 100) on duplicate key update cents = ${cents}`

test.each([
  { statement: 'update accounts set cents = 1', affected: 9, changed: 9 },
  { statement: 'update accounts set cents = cents', affected: 9, changed: 0 },
  { statement: 'update accounts set cents = 1 where id = 404', affected: 0, changed: 0 },
  { statement: upsert('1'), affected: 2, changed: 0 },
  { statement: upsert('cents'), affected: 1, changed: 0 },
  { statement: "replace into accounts values (1, 'account 1', 1)", affected: 2, changed: 0 },
])('$statement: $affected, of which $changed changed', async ({ statement, affected, changed }) => {
  const session = await open()
  expect(await session.run(statement)).toMatchObject({ affectedRows: affected, changedRows: changed })
})
