import { all, program } from '@leasehold/core'
import {
  commandOf,
  type Packet,
  type RecordingProxy,
  startRecordingProxy,
} from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { accounts, db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
let proxy: RecordingProxy

beforeAll(async () => {
  proxy = await startRecordingProxy({ target: fixture.server })
})
afterAll(() => proxy.stop())
beforeEach(() => fixture.restore())

/** The unit's part of the conversation: a `>` for each command that was sent, a `<` for the end of each answer. */
function talkOf(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) => {
    const sql = commandOf(packet)?.sql
    if (sql !== undefined) return [`> ${sql.split(' ')[0]?.toLowerCase()}`]
    return packet.from === 'server' && endsAnswer(packet) ? ['<'] : []
  })
}

/** OK and ERR packets, and the EOF behind the rows; the one behind the columns comes with rows to follow. */
function endsAnswer({ payload }: Packet): boolean {
  const [type] = payload
  return type === 0x00 || type === 0xff || (type === 0xfe && payload.length < 9 && payload.length > 0)
}

async function recorded(
  work: (uow: ReturnType<typeof fixture.uow>) => Promise<unknown>,
  pipeline = true,
): Promise<string[]> {
  const uow = fixture.uow({
    pipeline,
    host: proxy.host,
    port: proxy.port,
    pool: { max: 1 },
    preparedStatements: 0,
  })
  await uow.run(accounts.add(9, 1))
  const conversation = proxy.conversations.at(-1)
  const before = conversation?.packets.length ?? 0
  await work(uow).catch(() => {})
  return talkOf(conversation?.packets.slice(before) ?? [])
}

test('statements of a flight are written without waiting, COMMIT only after the last answer', async () => {
  const work = program(function* () {
    yield* all([accounts.add(1, 1), accounts.add(2, 1), accounts.add(3, 1)])
    yield* all([accounts.add(4, 1), accounts.add(5, 1)])
  })
  expect(await recorded((uow) => uow.run(work))).toEqual([
    '> update',
    '> update',
    '> update',
    '<',
    '<',
    '<',
    '> update',
    '> update',
    '<',
    '<',
    '> commit',
    '<',
  ])
})

test('one at a time without flights', async () => {
  expect(await recorded((uow) => uow.run(all([accounts.add(1, 1), accounts.add(2, 1)])), false)).toEqual([
    '> update',
    '<',
    '> update',
    '<',
    '> commit',
    '<',
  ])
})

test('after a failure comes ROLLBACK and no COMMIT, and nothing that was not on its way', async () => {
  const work = program(function* () {
    yield* all([accounts.add(1, 1), accounts.open('account 9', 1), accounts.add(2, 1)])
    yield* accounts.add(3, 1)
  })
  expect(await recorded((uow) => uow.run(work))).toEqual([
    '> update',
    '> insert',
    '> update',
    '<',
    '<',
    '<',
    '> rollback',
    '<',
  ])
})

test('COMMIT follows at once where nothing can be half done', async () => {
  expect(
    await recorded((uow) => uow.run(db.updateTable('accounts').set({ cents: 1 }).where('id', '=', 1))),
  ).toEqual(['> update', '> commit', '<', '<'])
  expect((await recorded((uow) => uow.read(all([accounts.byId(1), accounts.byId(2)])))).slice(0, 4)).toEqual([
    '> start',
    '> select',
    '> select',
    '> commit',
  ])
})

const sent = (entry: string): boolean => entry !== '<'

test.each([true, false])(
  'a read by itself has no BEGIN and no COMMIT, in a session that is turned to it and back (pipeline: %s)',
  async (pipeline) => {
    const talk = await recorded(async (uow) => {
      await uow.read(accounts.byId(1))
      await uow.read(accounts.byId(2))
      await uow.run((q) => q(accounts.add(1, 1)))
    }, pipeline)
    expect(talk.slice(0, 2)).toEqual(['> set', pipeline ? '> select' : '<'])
    expect(talk.filter(sent)).toEqual(['> set', '> select', '> select', '> set', '> update', '> commit'])
  },
)

test('what is refused to a read by itself leaves nothing open', async () => {
  const missing = db.selectFrom('accounts').selectAll().where(sql.ref<number>('missing'), '=', 1)
  const talk = await recorded(async (uow) => {
    await expect(uow.read(missing)).rejects.toMatchObject({ errno: 1054 })
    await uow.read(accounts.byId(2))
  })
  expect(talk.filter(sent)).toEqual(['> set', '> select', '> select'])
  await fixture.unlocked()
})

test('the COMMIT of a unit that reads goes out when it ends, and before anything else', async () => {
  const talk = await recorded(async (uow) => {
    for (const id of [1, 2]) await uow.read((q) => q(accounts.byId(id)))
    await fixture.unlocked()
    await uow.read(accounts.byId(3))
  })
  expect(talk.filter(sent)).toEqual([
    '> start',
    '> select',
    '> commit',
    '> start',
    '> select',
    '> commit',
    '> set',
    '> select',
  ])
})

test('options of a transaction go out one at a time without flights', async () => {
  const options = { isolationLevel: 'read committed' } as const
  expect(await recorded((uow) => uow.run(accounts.add(1, 1), options), false)).toEqual(
    ['> set', '> start', '> update', '> commit'].flatMap((command) => [command, '<']),
  )
})

test('a stream goes out with the BEGIN of its unit, and a savepoint', async () => {
  const talk = await recorded(async (uow) => {
    for await (const _ of uow.stream(accounts.all()));
  })
  expect(talk.slice(0, 3)).toEqual(['> start', '> savepoint', '> select'])
})
