/** Named locks: when they are given, to whom they belong, and how they end. */
import { expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'
import { type Session, useSessions } from '../support/sessions.ts'

const fixture = useFixture()
const open = useSessions(fixture)
const isMariadb = fixture.server.kind === 'mariadb'

const name = (): string => fixture.database.name

/** The value of one expression. */
async function value(session: Session, sql: string): Promise<unknown> {
  const [row] = (await session.rows(`select ${sql} as value`)) as { value: unknown }[]
  return row?.value
}

test('a lock belongs to one session, and is given to it several times', async () => {
  const [one, two] = [await open(), await open()]
  expect(await value(one, `get_lock('${name()}', 0)`)).toBe(1)
  expect(await value(two, `get_lock('${name()}', 0)`)).toBe(0)
  expect(await value(two, `is_used_lock('${name()}')`)).toBe(one.id)
  expect(await value(two, `release_lock('${name()}')`)).toBe(0)
  expect(await value(one, `get_lock('${name()}', 0)`)).toBe(1)
  expect(await value(one, `release_lock('${name()}')`)).toBe(1)
  expect(await value(two, `get_lock('${name()}', 0)`)).toBe(0)
  expect(await value(one, `release_lock('${name()}')`)).toBe(1)
  expect(await value(one, `release_lock('${name()}')`)).toBeNull()
  expect(await value(two, `get_lock('${name()}', 0)`)).toBe(1)
})

test('COMMIT, ROLLBACK and failing statements keep it; a reset and the end of the session do not', async () => {
  const [one, two] = [await open(), await open()]
  await one.run('set autocommit = 0')
  await value(one, `get_lock('${name()}', 0)`)
  for (const statement of ['commit', 'rollback', 'select nothing', 'rollback']) await one.errnoOf(statement)
  expect(await value(two, `is_free_lock('${name()}')`)).toBe(0)
  await one.connection.reset()
  expect(await value(two, `is_free_lock('${name()}')`)).toBe(1)
  await value(one, `get_lock('${name()}', 0)`)
  one.connection.destroy()
  expect(await value(two, `get_lock('${name()}', 10)`)).toBe(1)
})

test('a transaction that only reads takes one', async () => {
  const one = await open()
  await one.run('start transaction read only')
  expect(await value(one, `get_lock('${name()}', 0)`)).toBe(1)
})

test('MySQL ignores the case of names, MariaDB does not', async () => {
  const [one, two] = [await open(), await open()]
  await value(one, `get_lock('${name()}', 0)`)
  expect(await value(two, `get_lock('${name().toUpperCase()}', 0)`)).toBe(isMariadb ? 1 : 0)
})

test('MySQL takes names of 1 to 64 characters, MariaDB longer ones', async () => {
  const one = await open()
  expect(await value(one, `get_lock('${'ß'.repeat(64)}', 0)`)).toBe(1)
  expect(await one.errnoOf(`select get_lock('${'ß'.repeat(65)}', 0)`)).toBe(isMariadb ? undefined : 4163)
  expect(await one.errnoOf("select get_lock('', 0)")).toBe(isMariadb ? undefined : 3057)
})

test('an interrupted wait is no lock', async () => {
  const [one, two, three] = [await open(), await open(), await open()]
  await value(one, `get_lock('${name()}', 0)`)
  const waiting = two.rows(`select get_lock('${name()}', 10) as value`).catch((error: unknown) => error)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await three.run(`kill query ${two.id}`)
  expect(await waiting).toMatchObject(isMariadb ? [{ value: null }] : { errno: 1317 })
  await value(one, `release_lock('${name()}')`)
  expect(await value(three, `is_free_lock('${name()}')`)).toBe(1)
})

test('a circle of waits is a deadlock, which costs its locks nothing', async () => {
  const [one, two] = [await open(), await open()]
  await value(one, `get_lock('${name()}', 0)`)
  await value(two, `get_lock('${name()}2', 0)`)
  const waiting = one.rows(`select get_lock('${name()}2', 10) as value`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await two.errnoOf(`select get_lock('${name()}', 10)`)).toBe(isMariadb ? 1213 : 3058)
  expect(await value(two, `is_used_lock('${name()}2')`)).toBe(two.id)
  await value(two, `release_lock('${name()}2')`)
  expect(await waiting).toEqual([{ value: 1 }])
})

test('MySQL rounds a wait to whole seconds', async () => {
  const [one, two] = [await open(), await open()]
  await value(one, `get_lock('${name()}', 0)`)
  const waiting = two.rows(`select get_lock('${name()}', 0.4) as value`)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await value(one, `release_lock('${name()}')`)
  expect(await waiting).toMatchObject([{ value: isMariadb ? 1 : 0 }])
})
